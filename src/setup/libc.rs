//! The variants of wasi-libc, kept side by side in `<home>/libc/<variant>`:
//! `lib` has the archives and start files of `wasm32-wasip2`, `include` its
//! headers.
//!
//! A link takes another variant than the target's own with the flag of
//! [`Libc::rustflags`]. rustc still takes `crt1-command.o` from the target;
//! those of the variants differ in nothing but debug information.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::TARGET;
use super::packages::{self, DATA, LibcVariant, Package, Sources};
use crate::console::Console;
use crate::home::Home;

/// A variant of wasi-libc on this machine.
#[derive(Clone, Debug, Serialize)]
pub struct Libc {
    pub variant: String,
    /// The version of the package it is from.
    pub version: String,
    /// The directory of `libc.a` and `crt1-command.o`.
    pub lib: PathBuf,
    /// The directory of the headers.
    pub include: PathBuf,
}

impl Libc {
    /// What makes rustc link this variant. Each is an argument of its own, as
    /// in `CARGO_ENCODED_RUSTFLAGS`.
    pub fn rustflags(&self) -> Vec<String> {
        vec![format!("-Lnative={}", self.lib.display())]
    }
}

/// What is written beside an unpacked variant.
#[derive(Deserialize, Serialize)]
struct Origin {
    package: String,
    version: String,
}

/// The names of the variants, the default one first.
pub fn variants() -> impl Iterator<Item = &'static str> {
    DATA.libc.iter().map(|libc| libc.variant.as_str())
}

/// The variant that a target made here links by default.
pub fn default_variant() -> &'static LibcVariant {
    &DATA.libc[0]
}

/// The variant called `name`.
pub fn variant(name: &str) -> Result<&'static LibcVariant> {
    match DATA.libc.iter().find(|libc| libc.variant == name) {
        Some(libc) => Ok(libc),
        None => bail!(
            "there is no variant `{name}` of wasi-libc; there is {}",
            variants().collect::<Vec<_>>().join(", ")
        ),
    }
}

/// The variant, if it was fetched before.
pub fn kept(variant: &LibcVariant, home: &Home) -> Option<Libc> {
    let directory = home.root().join("libc").join(&variant.variant);
    // The directory comes into place by a rename, whole.
    let origin = fs::read_to_string(directory.join("package.toml")).ok()?;
    let origin: Origin = toml::from_str(&origin).ok()?;
    Some(Libc {
        variant: variant.variant.clone(),
        version: origin.version,
        lib: directory.join("lib"),
        include: directory.join("include"),
    })
}

/// The variant called `name`; fetched where it is missing.
pub fn libc_directory(name: &str, home: &Home, console: &Console) -> Result<Libc> {
    let variant = variant(name)?;
    if let Some(libc) = kept(variant, home) {
        return Ok(libc);
    }
    let _lock = home.lock("setup", console)?;
    get(variant, &Sources::from_environment(), home, console)
}

/// The same, for a caller that holds the lock.
pub fn get(
    variant: &'static LibcVariant,
    sources: &Sources,
    home: &Home,
    console: &Console,
) -> Result<Libc> {
    if let Some(libc) = kept(variant, home) {
        return Ok(libc);
    }
    let packages = packages::fetch(&[variant.wanted()], sources, home, console)?;
    keep(variant, &packages[0], home, console)
}

/// Puts the content of `package` where it is kept.
pub fn keep(
    variant: &'static LibcVariant,
    package: &Package,
    home: &Home,
    console: &Console,
) -> Result<Libc> {
    let parent = home.directory("libc")?;
    let unpacked = packages::unpack(
        package,
        &[
            &format!("./usr/lib/{TARGET}"),
            &format!("./usr/include/{TARGET}"),
        ],
        &parent,
        console,
    )?;
    let whole = tempfile::Builder::new()
        .prefix(".whole-")
        .tempdir_in(&parent)?;
    let place = parent.join(&variant.variant);
    let put = || -> std::io::Result<()> {
        for (from, to) in [("usr/lib", "lib"), ("usr/include", "include")] {
            fs::rename(
                unpacked.path().join(from).join(TARGET),
                whole.path().join(to),
            )?;
        }
        let origin = Origin {
            package: package.name.clone(),
            version: package.version.clone(),
        };
        let origin = toml::to_string(&origin).expect("two strings are TOML");
        fs::write(whole.path().join("package.toml"), origin)?;
        if place.exists() {
            fs::remove_dir_all(&place)?;
        }
        fs::rename(whole.path(), &place)
    };
    put().with_context(|| {
        format!(
            "wasi-libc {} could not be put into {}",
            package.version,
            place.display()
        )
    })?;
    super::install::open_to_all(&place)?;
    kept(variant, home).with_context(|| format!("{} vanished while it was made", place.display()))
}

/// Which variant `libc_a` is, as far as those kept can tell.
pub fn recognize(libc_a: &Path, home: &Home) -> Option<String> {
    let content = fs::read(libc_a).ok()?;
    DATA.libc
        .iter()
        .filter_map(|variant| kept(variant, home))
        .find(|libc| fs::read(libc.lib.join("libc.a")).is_ok_and(|own| own == content))
        .map(|libc| libc.variant)
}
