//! What is to be said of a user's project: which crates of its graph are
//! overridden, and which would not build for this target.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use semver::{Version, VersionReq};
use serde::{Deserialize, Serialize};

use wasip2_ground::process::quoted_tail;
use wasip2_ground::{Console, Home, TARGET};
use wasip2_series::project::Project;
use wasip2_series::{Series, overrides, tree};

/// What a project's graph for wasm32-wasip2 holds.
#[derive(Debug, Serialize)]
pub struct ProjectReport {
    /// The workspace's directory.
    pub root: PathBuf,
    /// The crates that a series exists for.
    pub series: Vec<CrateReport>,
    /// Whether blocking tasks have stacks of their own.
    pub threads: bool,
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
    let graph = graph(&project, offline, console)?;
    let unsupported: Unsupported =
        toml::from_str(include_str!("unsupported.toml")).context("unsupported.toml")?;
    let mut report = ProjectReport {
        threads: overrides::has_threads(&project)?,
        root: project.root,
        series: Vec::new(),
        unsupported: Vec::new(),
    };
    for package in &graph {
        let name = package.name.as_str();
        let mut of_crate = all.iter().filter(|series| series.name == name).peekable();
        if of_crate.peek().is_some() {
            let fitting = of_crate.find(|series| series.serves(&package.version));
            let state = match fitting {
                None => CrateState::NoSeries,
                Some(series)
                    if package.path.as_deref() == Some(tree::path(series, home).as_path()) =>
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
                    || package
                        .features
                        .iter()
                        .any(|feature| entry.features.contains(feature)))
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

/// A package of a project's graph.
#[derive(Debug, PartialEq)]
struct Package {
    name: String,
    version: Version,
    /// Its directory, where it does not come from a registry.
    path: Option<PathBuf>,
    /// The features that are on.
    features: Vec<String>,
}

/// What is really built for this target. `cargo metadata` would not do: it
/// counts features that only other platforms turn on.
fn graph(project: &Project, offline: bool, console: &Console) -> Result<Vec<Package>> {
    let arguments = [
        "tree",
        "--workspace",
        "--target",
        TARGET,
        "--edges=normal,build",
        "--prefix=none",
        "--no-dedupe",
        "--format={p}|{f}",
    ];
    let output = project.cargo(&arguments, offline).output(console)?;
    if !output.status.success() {
        bail!(
            "cargo could not resolve the project in {}{}",
            project.root.display(),
            quoted_tail(&output.stderr, 20)
        );
    }
    let text = String::from_utf8(output.stdout).context("`cargo tree` printed no UTF-8")?;
    let mut packages: Vec<Package> = Vec::new();
    for package in text.lines().filter_map(package) {
        if !packages.contains(&package) {
            packages.push(package);
        }
    }
    Ok(packages)
}

/// Reads one line of `cargo tree`: `tokio v1.54.1 (/path)|net,rt`.
fn package(line: &str) -> Option<Package> {
    let (package, features) = line.rsplit_once('|')?;
    let mut words = package.splitn(3, ' ');
    let name = words.next()?.to_owned();
    let version = words.next()?.strip_prefix('v')?.parse().ok()?;
    let path = words
        .next()
        .and_then(|rest| rest.split('(').nth_back(0)?.strip_suffix(')'))
        .filter(|path| *path != "proc-macro")
        .map(PathBuf::from);
    Some(Package {
        name,
        version,
        path,
        features: features.split(',').map(str::to_owned).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_cargo_tree_is_read() {
        let tokio = package("tokio v1.54.1 (/trees/tokio-1.54.1)|net,rt").unwrap();
        assert_eq!(
            tokio.path.as_deref(),
            Some(Path::new("/trees/tokio-1.54.1"))
        );
        assert_eq!(tokio.features, ["net", "rt"]);
        let serde = package("serde_derive v1.0.229 (proc-macro)|default").unwrap();
        assert_eq!((serde.name.as_str(), serde.path), ("serde_derive", None));
        assert_eq!(package(""), None);
    }

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
