//! A second `wasm32-wasip2`, whose panics unwind.
//!
//! WebAssembly's exceptions are what a panic becomes there: the standardised
//! ones (`exnref`), which hosts have on by default, not the legacy ones that
//! LLVM makes unless it is told otherwise. Released Rust has no such standard
//! library, so it is built from the source of exactly this compiler, into a
//! sysroot of its own below the tool's home, `<home>/unwinding`; nothing of
//! the toolchain changes. The wasi-libc in it is the toolchain's.
//!
//! LLVM leaves it to the C++ library to define the tag that exceptions carry,
//! `__cpp_exception`, and Rust on WASI has none: an object of one symbol, which
//! rustc assembles, is given to each link.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::debian::{self, Wanted};
use crate::install::Place;
use crate::libc::{self, Libc};
use crate::panic::Panic;
use crate::setup::Installed;
use crate::sources::Sources;
use crate::std_build::StdBuild;
use crate::std_changes::CODE;
use crate::std_source::StdSource;
use crate::target::{self, Marker, Origin};
use crate::toolchain::Toolchain;
use wasip2_ground::process::quoted_tail;
use wasip2_ground::{Console, Home, Process, TARGET};

/// The tag. `i32` is the address of what was thrown.
const TAG: &str = "#![feature(asm_experimental_arch)]\n#![no_std]\ncore::arch::global_asm!(\n    \
                   \".globl __cpp_exception\",\n    \".tagtype __cpp_exception i32\",\n    \
                   \"__cpp_exception:\",\n);\n";

/// The object with the tag, in the target's directory of the sysroot.
const TAG_OBJECT: &str = "lib/self-contained/cpp-exception.o";

/// A target whose panics unwind.
#[derive(Clone, Debug)]
pub struct Unwinding {
    sysroot: PathBuf,
}

impl Unwinding {
    /// Where it is.
    pub fn sysroot(&self) -> &Path {
        &self.sysroot
    }

    /// What makes rustc build with it, for code and for links. Each is an
    /// argument of its own, as in `CARGO_ENCODED_RUSTFLAGS`.
    pub fn rustflags(&self) -> Vec<String> {
        let tag = target::directory(&self.sysroot).join(TAG_OBJECT);
        let mut flags = vec![format!("--sysroot={}", self.sysroot.display())];
        flags.extend(CODE.map(str::to_owned));
        flags.push(format!("-Clink-arg={}", tag.display()));
        flags
    }
}

/// The target that is there, or why it cannot be used.
pub fn kept(toolchain: &Toolchain, home: &Home) -> Result<Unwinding, Option<String>> {
    let sysroot = home.root().join("unwinding");
    if !target::directory(&sysroot).exists() {
        return Err(None);
    }
    match target::by_this_tool(toolchain, &target::directory(&sysroot)) {
        Ok(_) => Ok(Unwinding { sysroot }),
        Err(reason) => Err(Some(reason)),
    }
}

/// The target to build for instead, where panics are to unwind; made where it
/// is missing. Silent if it is there.
pub fn unwinding(
    panic: Panic,
    installed: &Installed,
    home: &Home,
    console: &Console,
) -> Result<Option<Unwinding>> {
    match panic {
        Panic::Abort => Ok(None),
        Panic::Unwind => make(
            installed,
            &Sources::from_environment(),
            false,
            home,
            console,
        )
        .map(Some),
    }
}

/// Makes it, unless it is there and not to be made again (`force`).
pub fn make(
    installed: &Installed,
    sources: &Sources,
    force: bool,
    home: &Home,
    console: &Console,
) -> Result<Unwinding> {
    let toolchain = &installed.toolchain;
    let is_there = || (!force).then(|| kept(toolchain, home).ok())?;
    if let Some(kept) = is_there() {
        return Ok(kept);
    }
    let _lock = home.lock("setup", console)?;
    if let Some(kept) = is_there() {
        return Ok(kept);
    }
    if let Err(Some(reason)) = kept(toolchain, home) {
        console.status("Replacing", format!("{TARGET} that unwinds: {reason}"));
    }
    let sysroot = home.directory("unwinding")?;
    home.directory("unwinding/lib/rustlib")?;
    let place = Place::reserve(&sysroot, console)?;
    let source = match StdSource::component(toolchain) {
        Some(component) => component,
        None => {
            let wanted = [Wanted::rust_source(&toolchain.release)];
            let found = debian::fetch(&wanted, sources, home, console)?;
            StdSource::Package(found[0].clone())
        }
    };
    let build = StdBuild::open(toolchain, &source, Panic::Unwind, home)?;
    let mut libraries = build.run(toolchain, &source, home, console)?;
    let scratch = tempfile::tempdir().context("no temporary directory could be made")?;
    let tag = assemble_tag(toolchain, scratch.path(), console)?;

    let own = target::directory(&installed.sysroot).join("lib/self-contained");
    let libc = Libc {
        variant: match &installed.origin {
            Origin::ThisTool(marker) => marker.libc.clone(),
            _ => libc::recognize(&own.join("libc.a"), home)
                .unwrap_or_else(|| "of the toolchain".to_owned()),
        },
        version: String::new(),
        lib: own,
        include: None,
    };
    let marker = Marker {
        made_by: format!("cargo-wasip2 {}", env!("CARGO_PKG_VERSION")),
        rustc: toolchain.release.clone(),
        commit_hash: toolchain.commit_hash.clone(),
        libc: libc.variant.clone(),
        packages: BTreeMap::from([(source.name().to_owned(), source.version().to_owned())]),
        files: BTreeMap::new(),
    };
    libraries.sort();
    place.put(&libraries, &libc, &[tag], marker, true, console)?;
    build.discard();
    match kept(toolchain, home) {
        Ok(kept) => {
            console.status(
                "Installed",
                format!("{TARGET} that unwinds into {}", sysroot.display()),
            );
            Ok(kept)
        }
        Err(reason) => anyhow::bail!(
            "{} cannot be used though it was just made: {}",
            sysroot.display(),
            reason.unwrap_or_else(|| "it is gone".to_owned())
        ),
    }
}

fn assemble_tag(toolchain: &Toolchain, scratch: &Path, console: &Console) -> Result<PathBuf> {
    let source = scratch.join("cpp-exception.rs");
    fs::write(&source, TAG)?;
    let object = scratch.join(Path::new(TAG_OBJECT).file_name().expect("it is a file"));
    let process = Process::new(&toolchain.rustc)
        .args(["--edition=2024", "--target", TARGET, "--crate-type=lib"])
        .args(["--emit=obj", "-Ctarget-feature=+exception-handling"])
        .arg(&source)
        .arg("-o")
        .arg(&object)
        // Assembly for WebAssembly is not stable.
        .env("RUSTC_BOOTSTRAP", "1")
        .env_remove("RUSTFLAGS");
    let line = process.line();
    let output = process.output(console)?;
    ensure!(
        output.status.success(),
        "the tag of exceptions could not be assembled: `{line}` failed ({}){}",
        output.status,
        quoted_tail(&output.stderr, 8)
    );
    Ok(object)
}

/// What `doctor` says of it.
pub fn finding(toolchain: &Toolchain, home: &Home) -> Result<String, Option<String>> {
    let kept = kept(toolchain, home)?;
    let directory = target::directory(kept.sysroot());
    let marker = target::by_this_tool(toolchain, &directory).map_err(Some)?;
    let sources = marker
        .packages
        .iter()
        .map(|(name, version)| format!("{name} {version}"))
        .collect::<Vec<_>>()
        .join(", ");
    Ok(format!(
        "made from {sources}, in {}",
        kept.sysroot().display()
    ))
}
