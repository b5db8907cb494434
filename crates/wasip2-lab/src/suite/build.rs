//! Builds the programs of tests.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Result, bail};

use super::definition::Definition;
use super::stage::{Place, Stage, Target};
use wasip2_ground::cargo::cargo;
use wasip2_ground::console::Verbosity;
use wasip2_ground::messages::{self, Message, Stderr};
use wasip2_ground::{Console, Process, TARGET};
use wasip2_toolchain::Panic;

/// What was built.
#[derive(Debug)]
pub struct Built {
    /// The programs, in the order of their names.
    pub programs: Vec<Executable>,
    /// The names of the targets that did not build, of a crate as it was
    /// released.
    pub failed: Vec<String>,
}

/// A program of tests.
#[derive(Debug)]
pub struct Executable {
    /// The first part of its tests' names.
    pub name: String,
    pub path: PathBuf,
}

/// Builds `targets` with these flags of rustc. Of a patched crate all must
/// build.
pub fn build(
    stage: &Stage,
    targets: &[Target],
    place: Place,
    definition: &Definition,
    mut flags: Vec<String>,
    offline: bool,
    console: &Console,
) -> Result<Built> {
    if targets.is_empty() {
        bail!(
            "no test of {} has that in its name; names are BINARY::TEST, as \
             `time_sleep::immediate_sleep`",
            stage.release
        );
    }
    console.status(
        "Building",
        format!(
            "the tests of {} for {}{}",
            stage.describe(),
            place.name(),
            definition.described_way()
        ),
    );
    let mut process = Process::new(cargo())
        .current_dir(&stage.project.root)
        .env_remove("CARGO_BUILD_TARGET")
        .env_remove("CARGO_TARGET_DIR")
        .args(match stage.judged {
            true => &["test", "--no-run"][..],
            // Not everything builds; `cargo test` would stop there.
            false => &["build", "--tests", "--keep-going"],
        })
        .arg("--package")
        .arg(&stage.release.name)
        .arg("--message-format=json-render-diagnostics");
    if !definition.features().is_empty() {
        process = process
            .arg("--features")
            .arg(definition.features().join(","));
    }
    if place == Place::Component {
        process = process.args(["--target", TARGET]);
        if !stage.judged {
            flags.extend_from_slice(definition.upstream_rustflags());
        }
        if definition.way.panic == Panic::Unwind {
            process = process
                // The one of cargo's variables that no other overrules.
                .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
                // Neither takes the other's place.
                .args(["--target-dir", "target/unwinding"]);
        } else if !flags.is_empty() {
            let flags = toml::Value::from(flags);
            process = process
                .arg("--config")
                .arg(format!("target.{TARGET}.rustflags={flags}"));
        }
    }
    // `cargo build --lib` would build no tests; what was not asked for is left
    // out below.
    for target in targets.iter().filter(|_| stage.judged) {
        process = match target.library {
            true => process.arg("--lib"),
            false => process.args(["--test", &target.name]),
        };
    }
    if offline {
        process = process.arg("--offline");
    }
    match console.verbosity() {
        Verbosity::Quiet => process = process.arg("--quiet"),
        Verbosity::Verbose => process = process.arg("--verbose"),
        Verbosity::Normal => {}
    }
    let mut programs = Vec::new();
    let (status, _) = messages::run(process, Stderr::Shown, console, |message| {
        if let Message::CompilerArtifact(artifact) = message
            && artifact.profile.test
            && let Some(executable) = artifact.executable
            && let name = artifact.target.name.replace('-', "_")
            && targets.iter().any(|target| target.name == name)
        {
            programs.push(Executable {
                name,
                path: executable.into(),
            });
        }
    })?;
    programs.sort_by(|one, other| one.name.cmp(&other.name));
    let made: BTreeSet<&str> = programs.iter().map(|one| one.name.as_str()).collect();
    let mut failed = Vec::new();
    if !status.success() {
        failed.extend(
            targets
                .iter()
                .map(|target| &target.name)
                .filter(|name| !made.contains(name.as_str()))
                .cloned(),
        );
        if programs.is_empty() {
            bail!(
                "no test of {} was built; what cargo said stands above\n  the sources are in {}",
                stage.release,
                stage.package.display()
            );
        }
        if stage.judged {
            bail!(
                "these tests of {} did not build: {}; what rustc said stands above\n  their \
                 sources are in {}",
                stage.release,
                failed.join(", "),
                stage.package.display()
            );
        }
    }
    Ok(Built { programs, failed })
}
