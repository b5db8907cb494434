//! What is to be said of a user's project: which crates of its graph are
//! overridden, and which would not build for this target.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use cargo_metadata::Metadata;
use semver::{Version, VersionReq};
use serde::{Deserialize, Serialize};

use crate::apply;
use crate::console::Console;
use crate::home::Home;
use crate::init::TARGET;
use crate::init::project::Project;
use crate::process::quoted_tail;
use crate::series::Series;

/// What a project's graph for wasm32-wasip2 holds.
#[derive(Debug, Serialize)]
pub struct ProjectReport {
    /// The workspace's directory.
    pub root: PathBuf,
    /// The crates that a series exists for.
    pub series: Vec<CrateReport>,
    /// The crates that do not build or work.
    pub unsupported: Vec<UnsupportedReport>,
}

/// A crate that a series exists for.
#[derive(Debug, Serialize)]
pub struct CrateReport {
    /// The crate.
    pub name: String,
    /// The version in the graph.
    pub version: Version,
    /// What becomes of it.
    pub state: CrateState,
}

/// What becomes of a crate that a series exists for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CrateState {
    /// It is built from its patched tree.
    Overridden,
    /// A series exists and is not in use: `init` would change that.
    Released,
    /// No series covers this release line.
    NoSeries,
}

/// A crate that does not build or work on this target.
#[derive(Debug, Serialize)]
pub struct UnsupportedReport {
    /// The crate.
    pub name: String,
    /// The version in the graph.
    pub version: Version,
    /// Why it does not.
    pub why: String,
    /// What would help.
    pub needs: Option<String>,
}

/// `unsupported.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unsupported {
    #[serde(rename = "crate")]
    crates: Vec<UnsupportedCrate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnsupportedCrate {
    name: String,
    /// The versions that it is true of; all by default.
    #[serde(default)]
    versions: VersionReq,
    /// The features any of which makes it true; none means always.
    #[serde(default)]
    features: Vec<String>,
    why: String,
    needs: Option<String>,
}

/// Looks at the project of `manifest`.
pub fn report(
    manifest: &Path,
    all: &[Series],
    home: &Home,
    offline: bool,
    console: &Console,
) -> Result<ProjectReport> {
    let project = Project::find(manifest, console)?;
    let metadata = graph(&project, offline, console)?;
    let resolve = metadata
        .resolve
        .as_ref()
        .context("cargo resolved nothing")?;
    let unsupported: Unsupported =
        toml::from_str(include_str!("unsupported.toml")).context("unsupported.toml")?;
    let mut report = ProjectReport {
        root: project.root,
        series: Vec::new(),
        unsupported: Vec::new(),
    };
    for node in &resolve.nodes {
        let package = &metadata[&node.id];
        let name = package.name.as_str();
        let mut of_crate = all.iter().filter(|series| series.name == name).peekable();
        if of_crate.peek().is_some() {
            let fitting = of_crate.find(|series| series.serves(&package.version));
            let state = match fitting {
                None => CrateState::NoSeries,
                Some(series)
                    if package.manifest_path.as_std_path()
                        == apply::path(series, home).join("Cargo.toml") =>
                {
                    CrateState::Overridden
                }
                Some(_) => CrateState::Released,
            };
            report.series.push(CrateReport {
                name: name.to_owned(),
                version: package.version.clone(),
                state,
            });
        }
        let met = unsupported.crates.iter().find(|entry| {
            entry.name == name
                && entry.versions.matches(&package.version)
                && (entry.features.is_empty()
                    || node
                        .features
                        .iter()
                        .any(|feature| entry.features.iter().any(|met| met == feature.as_str())))
        });
        if let Some(entry) = met {
            report.unsupported.push(UnsupportedReport {
                name: name.to_owned(),
                version: package.version.clone(),
                why: entry.why.clone(),
                needs: entry.needs.clone(),
            });
        }
    }
    report
        .series
        .sort_by(|one, other| one.name.cmp(&other.name));
    report
        .unsupported
        .sort_by(|one, other| one.name.cmp(&other.name));
    Ok(report)
}

/// The project's graph for this target.
fn graph(project: &Project, offline: bool, console: &Console) -> Result<Metadata> {
    let arguments = [
        "metadata",
        "--format-version=1",
        "--filter-platform",
        TARGET,
    ];
    let output = project.cargo(&arguments, offline).output(console)?;
    if !output.status.success() {
        bail!(
            "cargo could not resolve the project in {}{}",
            project.root.display(),
            quoted_tail(&output.stderr, 20)
        );
    }
    serde_json::from_slice(&output.stdout).context("cargo's metadata could not be read")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_unsupported_crates_is_right_and_sorted() {
        let list: Unsupported = toml::from_str(include_str!("unsupported.toml")).unwrap();
        let names: Vec<&str> = list
            .crates
            .iter()
            .map(|entry| entry.name.as_str())
            .collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        assert_eq!(names, sorted);
    }
}
