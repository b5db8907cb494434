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

use crate::debian::{self, Package, Wanted};
use crate::packages::{DATA, LibcVariant};
use crate::sources::Sources;
use crate::target::{self, Origin as TargetOrigin, State};
use crate::toolchain::Toolchain;
use wasip2_ground::{Console, Home, TARGET, Unfinished};

/// A variant of wasi-libc on this machine.
#[derive(Clone, Debug, Serialize)]
pub struct Libc {
    pub variant: String,
    /// The version of the package it is from.
    pub version: String,
    /// The directory of `libc.a` and `crt1-command.o`.
    pub lib: PathBuf,
    /// The directory of the headers; a Rust toolchain has none.
    pub include: Option<PathBuf>,
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
        include: Some(directory.join("include")).filter(|include| include.exists()),
    })
}

/// Every variant that was fetched before.
pub fn all_kept(home: &Home) -> impl Iterator<Item = Libc> {
    DATA.libc
        .iter()
        .filter_map(move |variant| kept(variant, home))
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
    match debian::fetch(&[Wanted::libc(variant)], sources, home, console) {
        Ok(packages) => keep(variant, &packages[0], home, console),
        Err(error) => match of_toolchain(variant, home, console)? {
            Some(libc) => Ok(libc),
            None => Err(error),
        },
    }
}

/// The directory that C is compiled against, as `--sysroot` names it: the
/// headers of a variant that has them, and its archives; fetched where none is
/// kept. The headers are the same to whoever includes them.
pub fn libc_sysroot(home: &Home, console: &Console) -> Result<PathBuf> {
    let mut kept = all_kept(home);
    if let Some(libc) = kept.find(|libc| libc.include.is_some()) {
        return sysroot(&libc);
    }
    for name in variants() {
        let libc = libc_directory(name, home, console)?;
        if libc.include.is_some() {
            return sysroot(&libc);
        }
    }
    bail!("no package with the headers of wasi-libc could be fetched")
}

/// The variant in the places where clang looks: `include/<target>` and
/// `lib/<target>` below one directory.
fn sysroot(libc: &Libc) -> Result<PathBuf> {
    let directory = libc.lib.with_file_name("sysroot");
    let link = || -> std::io::Result<()> {
        for part in ["include", "lib"] {
            let place = directory.join(part).join(TARGET);
            fs::create_dir_all(directory.join(part))?;
            match std::os::unix::fs::symlink(Path::new("../..").join(part), &place) {
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                    return Err(error);
                }
                _ => {}
            }
        }
        Ok(())
    };
    link().with_context(|| format!("{} could not be made", directory.display()))?;
    Ok(directory)
}

/// The variant from the target that rustup has installed, where that is the
/// Rust release which has it: archives drop old packages, rustup does not.
fn of_toolchain(variant: &LibcVariant, home: &Home, console: &Console) -> Result<Option<Libc>> {
    let toolchain = Toolchain::active(console)?;
    let fits = variant.official.as_ref().is_some_and(|release| {
        let patch = toolchain.release.strip_prefix(release.as_str());
        patch.is_some_and(|patch| patch.starts_with('.'))
    });
    if !fits
        || target::inspect(&toolchain, &toolchain.sysroot, home, console)?
            != State::Whole(TargetOrigin::Rustup)
    {
        return Ok(None);
    }
    let from = target::directory(&toolchain.sysroot).join("lib/self-contained");
    let origin = Origin {
        package: format!("rust-std-{TARGET}"),
        version: toolchain.release.clone(),
    };
    let unfinished = Unfinished::new(&home.directory("libc")?)?;
    let libc = put(variant, origin, unfinished, home, |place| {
        fs::create_dir(place.join("lib"))?;
        for name in ["libc.a", "crt1-command.o", "crt1-reactor.o"] {
            fs::copy(from.join(name), place.join("lib").join(name))?;
        }
        Ok(())
    })?;
    console.status(
        "Kept",
        format!(
            "wasi-libc {} of rustc {}, without headers, as no package of it could be fetched",
            variant.variant, toolchain.release
        ),
    );
    Ok(Some(libc))
}

/// Puts the content of `package` where it is kept.
pub fn keep(
    variant: &'static LibcVariant,
    package: &Package,
    home: &Home,
    console: &Console,
) -> Result<Libc> {
    let unfinished = Unfinished::new(&home.directory("libc")?)?;
    let unpacked = unfinished.scratch("unpacked");
    fs::create_dir(&unpacked)?;
    let members = ["lib", "include"].map(|part| format!("./usr/{part}/{TARGET}"));
    package.unpack(&members.each_ref().map(String::as_str), &unpacked, console)?;
    let origin = Origin {
        package: package.name.clone(),
        version: package.version.clone(),
    };
    put(variant, origin, unfinished, home, |place| {
        for (from, to) in [("usr/lib", "lib"), ("usr/include", "include")] {
            fs::rename(unpacked.join(from).join(TARGET), place.join(to))?;
        }
        Ok(())
    })
}

/// Has `fill` make the variant's directory, which comes into its place whole.
fn put(
    variant: &LibcVariant,
    origin: Origin,
    unfinished: Unfinished,
    home: &Home,
    fill: impl FnOnce(&Path) -> std::io::Result<()>,
) -> Result<Libc> {
    let place = home.root().join("libc").join(&variant.variant);
    let from = format!("{} {}", origin.package, origin.version);
    let make = || -> Result<()> {
        fill(&unfinished.whole())?;
        let origin = toml::to_string(&origin).expect("two strings are TOML");
        fs::write(unfinished.whole().join("package.toml"), origin)?;
        unfinished.put(&place)
    };
    make().with_context(|| {
        format!(
            "wasi-libc {} of {from} could not be put into {}",
            variant.variant,
            place.display()
        )
    })?;
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
