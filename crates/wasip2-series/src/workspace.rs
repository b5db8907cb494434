//! Guests, staged as a user's project would be: a copy of their workspace,
//! initialised as `cargo wasip2 init` does it, and built by cargo. There are
//! the examples, and what `cargo wasip2 bench` measures.
//!
//! The lock file in the tree is the one that released crates make; the staged
//! copy's follows the overrides.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::arguments::SeriesArgs;
use crate::config::THREADS;
use crate::project::Project;
use crate::series::Series;
use crate::staging::Staging;
use crate::wasi;
use wasip2_ground::cargo::cargo;
use wasip2_ground::console::Verbosity;
use wasip2_ground::files::write_whole;
use wasip2_ground::messages::{self, Built, Message, Stderr};
use wasip2_ground::mirror::mirror;
use wasip2_ground::{Console, Home, Process, TARGET, Wasi};
use wasip2_toolchain::{Libc, Unwinding};

/// A staged workspace of guests.
#[derive(Debug)]
pub struct Guests {
    project: Project,
    wasi: Wasi,
}

/// A program of the workspace.
#[derive(Clone, Debug)]
pub struct Guest {
    /// Its name, by which it is run.
    pub name: String,
    /// The package that it belongs to.
    package: String,
}

/// How a guest is built.
#[derive(Clone, Debug, Default)]
pub struct Build {
    /// Cargo's profile, if not the one for development.
    pub profile: Option<&'static str>,
    /// The wasi-libc to link instead of the toolchain's.
    pub libc: Option<Libc>,
    /// Whether cargo must keep from the network.
    pub offline: bool,
    /// Whether for this machine instead of the target.
    pub native: bool,
    /// Flags for every rustc.
    pub rustflags: Vec<String>,
    /// Whether blocking tasks are to have stacks of their own.
    pub threads: bool,
    /// The target to build for, where panics are to unwind.
    pub unwinding: Option<Unwinding>,
}

impl Guests {
    /// Stages the workspace that stands in `source` in the directory `place`
    /// of `home`, to be built for that version of WASI. Without a series it is
    /// built from the released crates.
    pub fn stage(
        place: &str,
        source: &Path,
        series: &[Series],
        wasi: Wasi,
        arguments: &SeriesArgs,
        home: &Home,
        console: &Console,
    ) -> Result<Guests> {
        // Neither takes the other's place.
        let place = match wasi {
            Wasi::P2 => place.to_owned(),
            newer => format!("{place}-{newer}"),
        };
        let _lock = home.lock(&place.replace('/', "-"), console)?;
        let root = home.directory(&place)?;
        mirror(source, &root, &["Cargo.lock", ".cargo", "target"])?;
        let staging = Staging {
            root,
            lock: Some(source.join("Cargo.lock")),
            series,
            wasi,
            ..Staging::default()
        };
        let project = staging.initialise(arguments, home, console)?;
        Ok(Guests { project, wasi })
    }

    /// The guests, in the order of their names.
    pub fn list(&self, console: &Console) -> Result<Vec<Guest>> {
        let packages = self.project.packages(console)?;
        let mut guests: Vec<Guest> = packages
            .iter()
            .flat_map(|package| package.targets.iter().map(move |target| (package, target)))
            .filter(|(_, target)| target.is_bin())
            .map(|(package, target)| Guest {
                name: target.name.clone(),
                package: package.name.to_string(),
            })
            .collect();
        guests.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(guests)
    }

    /// The guest `name`.
    pub fn find(&self, name: &str, console: &Console) -> Result<Guest> {
        let guests = self.list(console)?;
        match guests.iter().find(|guest| guest.name == name) {
            Some(guest) => Ok(guest.clone()),
            None => {
                let names: Vec<&str> = guests.iter().map(|guest| guest.name.as_str()).collect();
                bail!("there is no guest `{name}`; there are {}", names.join(", "));
            }
        }
    }

    /// The directory of the staged workspace.
    pub fn root(&self) -> &Path {
        &self.project.root
    }

    /// The command that builds a guest; its messages are JSON.
    pub fn command(&self, guest: &Guest, build: &Build) -> Process {
        let mut process = Process::new(cargo())
            .current_dir(&self.project.root)
            .args(["rustc", "--package", &guest.package, "--bin", &guest.name])
            .arg(match console::colors_enabled_stderr() {
                true => "--message-format=json-diagnostic-rendered-ansi",
                false => "--message-format=json",
            });
        if !build.native {
            process = process.args(["--target", TARGET]);
        }
        let mut rustflags = build.rustflags.clone();
        if let Some(unwinding) = &build.unwinding {
            rustflags.extend(unwinding.rustflags());
            // Neither takes the other's place.
            process = process.args(["--target-dir", "target/unwinding"]);
        }
        if build.threads {
            rustflags.extend(THREADS.map(str::to_owned));
            // As above.
            process = process.args(["--target-dir", "target/threads"]);
        }
        if !rustflags.is_empty() {
            // The one of cargo's variables that no other overrules, nor does
            // what the workspace's configuration has.
            if !build.native {
                rustflags.extend(wasi::rustflags(self.wasi));
            }
            process = process.env("CARGO_ENCODED_RUSTFLAGS", rustflags.join("\x1f"));
        }
        if let Some(profile) = build.profile {
            process = process.args(["--profile", profile]);
        }
        if build.offline {
            process = process.arg("--offline");
        }
        if let Some(libc) = &build.libc {
            // Given to the last rustc alone, which links; the dependencies
            // are the same for every libc.
            process = process.arg("--").args(libc.rustflags());
        }
        process
    }

    /// Builds the guest `name`; gives back the component.
    pub fn build(&self, name: &str, build: &Build, console: &Console) -> Result<PathBuf> {
        let guest = self.find(name, console)?;
        let mut process = self.command(&guest, build);
        match console.verbosity() {
            Verbosity::Quiet => process = process.env("CARGO_TERM_QUIET", "true"),
            Verbosity::Verbose => process = process.env("CARGO_TERM_VERBOSE", "true"),
            Verbosity::Normal => {}
        }
        let mut built = Built::default();
        let (status, _) = messages::run(process, Stderr::Shown, console, |message| {
            if let Message::CompilerMessage(said) = &message
                && let Some(rendered) = &said.message.rendered
            {
                console.foreign(rendered);
            }
            built.note(message, Some(name));
        })?;
        if !status.success() {
            let reason = built
                .error
                .map_or(String::new(), |error| format!(" ({error})"));
            bail!(
                "the guest `{name}` did not build{reason}; what rustc said stands above\n  its \
                 sources are in {}",
                self.project.root.display()
            );
        }
        let component = built.program;
        let component = component.with_context(|| format!("cargo built no program `{name}`"))?;
        let Some(libc) = &build.libc else {
            return Ok(component);
        };
        // The next link with another libc writes to the same place.
        let kept = component
            .with_file_name(&libc.variant)
            .join(format!("{name}.wasm"));
        write_whole(&kept, &fs::read(&component)?)?;
        Ok(kept)
    }
}
