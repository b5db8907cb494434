//! `series.toml` as it is written.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use anyhow::{Result, ensure};
use semver::{Version, VersionReq};
use serde::{Deserialize, Serialize};

use super::part::Part;

/// What a series says of one of its patches.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// The part of the series that it is in; none where the series has no parts.
    pub part: Option<Part>,
    /// What maintainers have to answer before they can take it, for part B.
    pub question: Option<String>,
    /// The gaps in the released crates that it closes, `G1` and so on.
    #[serde(default)]
    pub gaps: Vec<String>,
    /// The numbers of earlier patches that it cannot do without, although it
    /// applies without them.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Other crates that have series here and whose patches it cannot do
    /// without.
    #[serde(default, rename = "needs-crates")]
    pub needs_crates: Vec<String>,
    /// The patch of another release line of the crate that it is, such as
    /// `0.13/0003`; it has no file in this series then.
    #[serde(default, rename = "same-as")]
    pub same_as: Option<String>,
}

/// What `lint` needs to know of a crate.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lint {
    /// Directories in which nothing is public API, whatever says `pub` there.
    #[serde(default)]
    pub internal: Vec<String>,
    /// The features that each step of the series is compiled with.
    #[serde(default)]
    pub features: Vec<String>,
    /// The first patch with which the default features compile for every target;
    /// the steps before it are compiled without them.
    #[serde(default, rename = "default-features-from")]
    pub default_features_from: Option<String>,
    /// Flags for rustc with which the released crate compiles, too.
    #[serde(default)]
    pub rustflags: String,
    /// What the public interface may lose all the same.
    #[serde(default, rename = "api-exception")]
    pub api_exceptions: Vec<ApiException>,
}

/// A part of the public interface that a series takes away on purpose.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiException {
    /// For which target it is gone.
    pub target: ApiTarget,
    /// What is gone, as `lint --api` names it, in which `*` stands for anything.
    #[serde(default)]
    pub lost: Vec<String>,
    /// Why that is meant.
    #[serde(default)]
    pub reason: String,
}

/// For which target a public interface is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub enum ApiTarget {
    /// This machine's.
    #[serde(rename = "native")]
    Native,
    /// Ours.
    #[serde(rename = "wasm32-wasip2")]
    Wasip2,
}

/// Where a crate is developed.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// The address of the repository.
    pub repository: String,
    /// The crate's directory in it; empty for the top.
    pub path: String,
    /// Whether its pull requests are written under headings: Motivation, Solution.
    #[serde(default)]
    pub headings: bool,
}

/// `series.toml` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeriesFile {
    #[serde(rename = "crate")]
    pub name: String,
    pub version: Version,
    pub checksum: String,
    pub tree: String,
    pub adds: String,
    pub upstream: Upstream,
    /// The versions of other lines that need no series.
    #[serde(default = "none")]
    pub needless: VersionReq,
    #[serde(default)]
    pub lint: Lint,
    #[serde(default)]
    pub patch: BTreeMap<String, Note>,
}

impl SeriesFile {
    /// An error where directories that are named after the series would be
    /// elsewhere than they are meant to be.
    pub fn check(&self) -> Result<()> {
        let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        ensure!(
            !self.name.is_empty() && self.name.bytes().all(in_name),
            "`crate = {:?}` is no crate's name, which has letters, digits, `-` and `_`",
            self.name
        );
        let inside = Path::new(&self.upstream.path)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        ensure!(
            inside,
            "`path = {:?}` of `upstream` is not a directory in upstream's repository",
            self.upstream.path
        );
        Ok(())
    }
}

/// What matches no version.
pub fn none() -> VersionReq {
    VersionReq::parse("<0.0.0-0").expect("it is a requirement")
}
