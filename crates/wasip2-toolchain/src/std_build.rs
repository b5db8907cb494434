//! Builds the standard library for the target from its source, as
//! rust-lang/rust's own build does.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, bail};

use crate::cargo::cargo;
use crate::panic::Panic;
use crate::std_changes;
use crate::std_source::StdSource;
use crate::toolchain::Toolchain;
use wasip2_ground::files::{file_name, subdirectories};
use wasip2_ground::messages::{self, Message, Stderr};
use wasip2_ground::process::quoted_tail;
use wasip2_ground::{Console, Home, TARGET};

/// The profile, stated in full, so that a profile in the user's own cargo
/// configuration does not get in.
const PROFILE: [&str; 8] = [
    "opt-level=3",
    "debug=false",
    "strip='none'",
    "lto=false",
    "panic='unwind'",
    "incremental=false",
    "debug-assertions=false",
    "overflow-checks=false",
];

/// What tells compilers apart, in a few letters.
fn compiler(toolchain: &Toolchain) -> &str {
    let compiler = toolchain.commit_hash.as_deref();
    let compiler = compiler.unwrap_or(&toolchain.release);
    &compiler[..compiler.len().min(12)]
}

/// A build of the standard library, which goes on where an earlier one was
/// broken off.
#[derive(Debug)]
pub struct StdBuild {
    /// Everything of it; thrown away when the library is installed.
    directory: PathBuf,
    panic: Panic,
}

impl StdBuild {
    /// The build for `toolchain` from `source`.
    pub fn open(
        toolchain: &Toolchain,
        source: &StdSource,
        panic: Panic,
        home: &Home,
    ) -> Result<StdBuild> {
        // Two builds mixed in one directory make rustc fail (E0464).
        let mut name = format!("std/{}-{}", source.version(), compiler(toolchain));
        if panic == Panic::Unwind {
            name.push_str("-unwind");
        }
        Ok(StdBuild {
            directory: home.directory(name)?,
            panic,
        })
    }

    /// Those of the target for `toolchain` that are there.
    pub fn left(toolchain: &Toolchain, home: &Home) -> Vec<StdBuild> {
        let ending = format!("-{}", compiler(toolchain));
        let builds = subdirectories(&home.root().join("std")).unwrap_or_default();
        builds
            .into_iter()
            .filter(|directory| file_name(directory).ends_with(&ending))
            .map(|directory| StdBuild {
                directory,
                panic: Panic::Abort,
            })
            .collect()
    }

    /// Builds; gives back the libraries that belong into the sysroot.
    pub fn run(
        &self,
        toolchain: &Toolchain,
        source: &StdSource,
        home: &Home,
        console: &Console,
    ) -> Result<Vec<PathBuf>> {
        let library = source.put(&self.directory, console)?;
        if self.panic == Panic::Unwind {
            std_changes::correct(&library)?;
        }
        self.compile(toolchain, &library, home.is_offline(), console)
    }

    /// Throws the source and the build away.
    pub fn discard(self) {
        // Whatever cannot be removed is only in the way of nobody.
        let _ = fs::remove_dir_all(&self.directory);
    }

    fn compile(
        &self,
        toolchain: &Toolchain,
        library: &Path,
        offline: bool,
        console: &Console,
    ) -> Result<Vec<PathBuf>> {
        let begun = Instant::now();
        let target_directory = self.directory.join("target");
        let mut process = cargo(toolchain)
            .args(["build", "--release", "--locked", "--target", TARGET])
            .args(["--features", "panic-unwind backtrace"])
            .args(["--message-format", "json-render-diagnostics"])
            .arg("--manifest-path")
            .arg(library.join("sysroot/Cargo.toml"))
            .arg("--target-dir")
            .arg(&target_directory)
            // The source of the standard library needs the features of a
            // nightly compiler, and is made for exactly this one.
            .env("RUSTC_BOOTSTRAP", "1")
            .env(
                "CARGO_ENCODED_RUSTFLAGS",
                rustflags(toolchain, library, self.panic).join("\u{1f}"),
            );
        if offline {
            process = process.arg("--offline");
        }
        for setting in PROFILE {
            process = process.args(["--config", &format!("profile.release.{setting}")]);
        }
        let line = process.line();
        let what = format!(
            "the {}standard library of rustc {} for {TARGET}",
            match self.panic {
                Panic::Abort => "",
                Panic::Unwind => "unwinding ",
            },
            toolchain.release
        );
        let spinner = console.spinner("Compiling", &what);
        let mut libraries = Vec::new();
        let (status, said) = messages::run(process, Stderr::Kept, console, |message| {
            let Message::CompilerArtifact(artifact) = message else {
                return;
            };
            // Build scripts are for the host and lie elsewhere.
            let made = artifact
                .filenames
                .iter()
                .map(|file| file.as_std_path())
                .filter(|file| {
                    file.starts_with(target_directory.join(TARGET))
                        && file
                            .extension()
                            .is_some_and(|extension| extension == "rlib")
                });
            libraries.extend(made.map(Path::to_owned));
            spinner.set_message(format!("{what}: {}", artifact.target.name));
        })?;
        spinner.finish_and_clear();
        if !status.success() {
            bail!(
                "{what} could not be built ({status}){}\nrun `cargo wasip2 setup` again once that \
                 is mended: it goes on where this ended (`-v` shows all of it)",
                quoted_tail(&said, 20)
            );
        }
        for name in ["libstd", "libcore", "libtest"] {
            let is_it = |path: &PathBuf| {
                path.file_stem().is_some_and(|stem| {
                    let stem = stem.to_string_lossy();
                    stem == name || stem.starts_with(&format!("{name}-"))
                })
            };
            if !libraries.iter().any(is_it) {
                bail!("`{line}` succeeded, but made no {name}");
            }
        }
        console.status(
            "Compiled",
            format!("{what} in {:.1}s", begun.elapsed().as_secs_f64()),
        );
        Ok(libraries)
    }
}

/// What rust-lang/rust's own build gives to the compiler, too.
fn rustflags(toolchain: &Toolchain, library: &Path, panic: Panic) -> Vec<String> {
    let version = toolchain
        .commit_hash
        .as_deref()
        .unwrap_or(&toolchain.release);
    let mut flags = vec![
        // So that nothing but std can use what std is made of.
        "-Zforce-unstable-if-unmarked".to_owned(),
        // So that a program can be built with LTO.
        "-Cembed-bitcode=yes".to_owned(),
        "-Cdebuginfo=0".to_owned(),
        // A panic message shows the path in the form of an official build.
        format!(
            "--remap-path-prefix={}=/rustc/{version}/library",
            library.display()
        ),
    ];
    if panic == Panic::Unwind {
        flags.extend(std_changes::CODE.map(str::to_owned));
    }
    if let Ok(home) = home::cargo_home() {
        let registry = home.join("registry/src/");
        flags.push(format!(
            "--remap-path-prefix={}=/rust/deps/",
            registry.display()
        ));
    }
    flags
}
