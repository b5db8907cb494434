//! A released package, as the registry has it.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use semver::Version;

use crate::console::Console;
use crate::home::Home;
use crate::process::{Process, quoted_tail};

/// One release of one crate.
#[derive(Clone, Debug)]
pub struct Release {
    /// The crate's name in the registry.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// SHA-256 of the package, as the registry's index has it.
    pub checksum: String,
}

/// How cargo may reach the registry.
#[derive(Clone, Copy, Debug, Default)]
pub struct Network {
    /// `--offline`: only what is already on this machine.
    pub offline: bool,
}

impl fmt::Display for Release {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} v{}", self.name, self.version)
    }
}

impl Release {
    /// The name of its directories: `tokio-1.54.1`.
    pub fn directory_name(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    /// Whether a program that has `version` locked could as well use this
    /// release: both stand in one semver-compatible range.
    pub fn serves(&self, version: &Version) -> bool {
        let caret = semver::Comparator {
            op: semver::Op::Caret,
            major: version.major,
            minor: Some(if version.major == 0 { version.minor } else { 0 }),
            patch: Some(if version.major == 0 && version.minor == 0 {
                version.patch
            } else {
                0
            }),
            pre: semver::Prerelease::EMPTY,
        };
        caret.matches(&self.version)
    }

    /// Has cargo download and unpack the release; gives back where it stands.
    pub fn fetch(&self, network: Network, home: &Home, console: &Console) -> Result<PathBuf> {
        let stub = home.directory("fetch")?.join(self.directory_name());
        fs::create_dir_all(stub.join("src"))?;
        fs::write(stub.join("src/lib.rs"), "")?;
        fs::write(
            stub.join("Cargo.toml"),
            format!(
                "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
                 [dependencies]\n{} = {{ version = \"={}\", default-features = false }}\n\n\
                 [workspace]\n",
                self.name, self.version
            ),
        )?;
        let spinner = console.spinner("Downloading", self);
        // The directory has no configuration of a project's above it, so that an
        // override which is already there cannot stand in for the release.
        let mut process = Process::new(cargo())
            .current_dir(&stub)
            .args([
                "metadata",
                "--format-version=1",
                "--filter-platform=wasm32-wasip2",
            ])
            .env_remove("CARGO_BUILD_TARGET");
        if network.offline {
            process = process.arg("--offline");
        }
        let output = process.output(console)?;
        spinner.finish_and_clear();
        if !output.status.success() {
            bail!(
                "cargo could not get {self}{}\n  {}",
                quoted_tail(&output.stderr, 12),
                if network.offline {
                    "without `--offline` it would be downloaded"
                } else {
                    "check the network and cargo's `[source]` and `[http]` settings, then try again"
                }
            );
        }
        let metadata: cargo_metadata::Metadata =
            serde_json::from_slice(&output.stdout).context("cargo's metadata could not be read")?;
        let package = metadata
            .packages
            .iter()
            .find(|package| package.name.as_str() == self.name && package.version == self.version)
            .with_context(|| format!("cargo's metadata does not hold {self}"))?;
        let lock = cargo_lock::Lockfile::load(stub.join("Cargo.lock"))
            .context("the lock file that cargo wrote could not be read")?;
        let checksum = lock
            .packages
            .iter()
            .find(|package| {
                package.name.as_str() == self.name
                    && package.version.to_string() == self.version.to_string()
            })
            .and_then(|package| package.checksum.as_ref())
            .map(ToString::to_string)
            .unwrap_or_default();
        ensure!(
            checksum == self.checksum,
            "the registry has another {self} than the one that is meant here: its checksum is \
             {checksum}, not {}",
            self.checksum
        );
        package
            .manifest_path
            .parent()
            .map(|directory| directory.as_std_path().to_owned())
            .context("a manifest without a directory")
    }
}

/// The cargo that runs this tool, or the one on `PATH`.
pub fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
