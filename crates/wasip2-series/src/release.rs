//! A released package, as the registry has it.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use semver::Version;

use wasip2_ground::cargo::cargo;
use wasip2_ground::files::write_whole;
use wasip2_ground::process::quoted_tail;
use wasip2_ground::{Console, Home, Process};

/// One release of one crate.
#[derive(Clone, Debug)]
pub struct Release {
    /// The crate's name in the registry.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// SHA-256 of the package, as the registry's index should have it. It is
    /// taken even if it was yanked then.
    pub checksum: Option<String>,
}

/// What cargo downloaded.
#[derive(Debug)]
pub struct Unpacked {
    /// Where it stands.
    pub directory: PathBuf,
    /// SHA-256 of the package, as the registry's index has it.
    pub checksum: String,
}

/// What cargo says of a release that its authors withdrew.
const YANKED: &str = "is yanked";

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

    /// Has cargo download and unpack the release.
    pub fn fetch(&self, network: Network, home: &Home, console: &Console) -> Result<Unpacked> {
        let stub = home.directory("fetch")?.join(self.directory_name());
        write_whole(&stub.join("src/lib.rs"), b"")?;
        write_whole(
            &stub.join("Cargo.toml"),
            format!(
                "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [dependencies]\n{} = {{ version = \"={}\", default-features = false }}\n\n\
             [workspace]\n",
                self.name, self.version
            )
            .as_bytes(),
        )?;
        let spinner = console.spinner("Downloading", self);
        let mut output = metadata(&stub, network).output(console)?;
        if let Some(checksum) = &self.checksum
            && String::from_utf8_lossy(&output.stderr).contains(YANKED)
        {
            // Cargo takes a yanked release if a lock file has it already.
            fs::write(stub.join("Cargo.lock"), lock_file(self, checksum))?;
            output = metadata(&stub, network).output(console)?;
        }
        spinner.finish_and_clear();
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let problem = if said.contains(YANKED) {
                format!("{self} was yanked: its authors withdrew it")
            } else if said.contains("candidate versions found which didn't match")
                && !network.offline
            {
                format!("there is no release {self}")
            } else {
                format!("cargo could not get {self}")
            };
            bail!(
                "{problem}{}\n  {}",
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
        if let Some(meant) = &self.checksum {
            ensure!(
                checksum == *meant,
                "the registry has another {self} than the one that is meant here: its checksum is \
             {checksum}, not {meant}"
            );
        }
        let directory = package
            .manifest_path
            .parent()
            .context("a manifest without a directory")?;
        Ok(Unpacked {
            directory: directory.as_std_path().to_owned(),
            checksum,
        })
    }
}

/// The command that fetches what the manifest in `stub` names.
fn metadata(stub: &Path, network: Network) -> Process {
    // The directory has no configuration of a project's above it, so that an
    // override which is already there cannot stand in for the release.
    let process = Process::new(cargo())
        .current_dir(stub)
        .args([
            "metadata",
            "--format-version=1",
            "--filter-platform=wasm32-wasip2",
        ])
        .env_remove("CARGO_BUILD_TARGET");
    if network.offline {
        process.arg("--offline")
    } else {
        process
    }
}

/// A lock file that holds `release`; cargo adds what it depends on.
fn lock_file(release: &Release, checksum: &str) -> String {
    let Release { name, version, .. } = release;
    format!(
        "version = 4\n\n[[package]]\nname = \"fetch\"\nversion = \"0.0.0\"\ndependencies = [\n \
         \"{name}\",\n]\n\n[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = \
         \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"{checksum}\"\n"
    )
}
