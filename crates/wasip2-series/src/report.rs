//! What is to be said of a user's project: which crates of its graph are
//! overridden, and which would not build for this target.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use semver::{Version, VersionReq};
use serde::{Deserialize, Serialize};

use wasip2_ground::{Console, Wasi};
use wasip2_toolchain::CC;

use crate::graph::{Graph, Package};
use crate::placement::Place;
use crate::project::Project;
use crate::series::{Part, Series};
use crate::{overrides, tree, vendor};

/// What a project's graph for wasm32-wasip2 holds.
#[derive(Debug, Serialize)]
pub struct ProjectReport {
    /// The workspace's directory.
    pub root: PathBuf,
    /// The crates that a series exists for.
    pub series: Vec<CrateReport>,
    /// The crates that do not build or work.
    pub unsupported: Vec<UnsupportedReport>,
    /// Whether blocking tasks have stacks of their own.
    pub threads: bool,
    /// The part of their series that the trees go to.
    pub parts: Part,
    /// The version of WASI that it is built for.
    pub wasi: Wasi,
    /// What is to be known of that.
    pub notes: Vec<String>,
}

/// A crate that a series exists for.
#[derive(Debug, Serialize)]
pub struct CrateReport {
    /// The crate.
    pub name: String,
    /// The version in the graph.
    pub version: Version,
    /// Who pulls it in.
    pub by: String,
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
    /// It is built from a copy in the project, of an older series.
    Old,
    /// It is built from a copy in the project, which someone has changed.
    Changed,
}

/// A crate that does not build or work on this target.
#[derive(Debug, Serialize)]
pub struct UnsupportedReport {
    /// The crate.
    pub name: String,
    /// The version in the graph.
    pub version: Version,
    /// Who pulls it in.
    pub by: String,
    /// Why it does not.
    pub why: String,
    /// What would help.
    pub needs: Option<String>,
    /// Whether it would build if there were a compiler for its C.
    pub lacks_c: bool,
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

impl fmt::Display for UnsupportedReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UnsupportedReport {
            name,
            version,
            by,
            why,
            needs,
            ..
        } = self;
        write!(formatter, "{name} v{version} ({by}): {why}")?;
        match needs {
            Some(needs) => write!(formatter, "\n  {needs}"),
            None => Ok(()),
        }
    }
}

/// What is to be known of a build for that version of WASI.
fn notes(wasi: Wasi) -> Vec<String> {
    if wasi == Wasi::P2 {
        return Vec::new();
    }
    let mut notes = vec![
        format!(
            "what waits through WASI 0.2, as `std::thread::sleep` does, stops everything else in a \
             program of {wasi}; `cargo wasip2 host` tells of it when it happens"
        ),
        format!("hosts: this tool's own, and Wasmtime from 46.0 on, have WASI {wasi}"),
    ];
    for variable in ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS"] {
        if std::env::var_os(variable).is_some() {
            notes.push(format!(
                "{variable} is set, and cargo leaves out the flags that `init` wrote where it is: \
                 what is built now is for WASI 0.2"
            ));
        }
    }
    notes
}

/// Looks at `project`.
pub fn report(
    project: &Project,
    all: &[Series],
    offline: bool,
    console: &Console,
) -> Result<ProjectReport> {
    let graph = Graph::of(project, offline, console)?;
    let unsupported: Unsupported =
        toml::from_str(include_str!("unsupported.toml")).context("unsupported.toml")?;
    let wasi = overrides::wasi(project)?;
    let mut report = ProjectReport {
        root: project.root.clone(),
        series: Vec::new(),
        unsupported: Vec::new(),
        threads: overrides::has_threads(project)?,
        parts: overrides::parts(project)?,
        wasi,
        notes: notes(wasi),
    };
    let compiles_c = compiles_c(project)?;
    let overridden = overrides::overrides(project)?;
    report
        .notes
        .extend(changed_shims(project, &overridden, all)?);
    for package in &graph.packages {
        let is_tree = match &package.path {
            Some(path) => tree::is_tree(path) || is_commit(path, &overridden),
            None => false,
        };
        report.series.extend(state(package, all, is_tree)?);
        let met = unsupported.crates.iter().find(|entry| {
            entry.name == package.name
                && !is_tree
                && entry.versions.matches(&package.version)
                && (entry.features.is_empty()
                    || package
                        .features
                        .iter()
                        .any(|feature| entry.features.contains(feature)))
        });
        let (why, needs) = match met {
            Some(entry) => (entry.why.clone(), entry.needs.clone()),
            None if package.has_c && !compiles_c && !package.does_with_bare_clang() => (
                "it has C in it, and no compiler for that is set".to_owned(),
                Some(format!(
                    "run `cargo wasip2 init`, which sets one, or say yourself: {CC}, \
                     CFLAGS_wasm32_wasip2=--sysroot=DIR with wasi-libc's headers"
                )),
            ),
            None => continue,
        };
        report.unsupported.push(UnsupportedReport {
            name: package.name.clone(),
            version: package.version.clone(),
            by: package.pulled_in_by(),
            why,
            needs,
            lacks_c: met.is_none(),
        });
    }
    report
        .series
        .sort_by(|one, other| one.name.cmp(&other.name));
    report
        .unsupported
        .sort_by(|one, other| one.name.cmp(&other.name));
    Ok(report)
}

/// What becomes of a package, if a series exists for its crate.
fn state(package: &Package, all: &[Series], is_tree: bool) -> Result<Option<CrateReport>> {
    let mut of_crate = all
        .iter()
        .filter(|series| series.name == package.name)
        .peekable();
    if of_crate.peek().is_none() {
        return Ok(None);
    }
    let is_needless = |series: &&Series| series.needless.matches(&package.version);
    let state = if is_tree {
        let copy = package.path.as_deref().filter(|path| vendor::is_copy(path));
        let series = of_crate.find(|series| series.serves(&package.version));
        match (copy, series) {
            (Some(copy), Some(series)) => match vendor::state(copy, &series.digest()?)? {
                vendor::State::Fresh => CrateState::Overridden,
                vendor::State::Old => CrateState::Old,
                vendor::State::Changed => CrateState::Changed,
            },
            _ => CrateState::Overridden,
        }
    } else if of_crate.clone().any(|series| is_needless(&series)) {
        return Ok(None);
    } else if of_crate.any(|series| series.serves(&package.version)) {
        CrateState::Released
    } else {
        CrateState::NoSeries
    };
    Ok(Some(CrateReport {
        name: package.name.clone(),
        version: package.version.clone(),
        by: package.pulled_in_by(),
        state,
    }))
}

/// Whether `path`, as cargo shows it, is a commit that an override names.
fn is_commit(path: &Path, overridden: &[(String, Place)]) -> bool {
    let path = path.to_string_lossy();
    overridden.iter().any(|(_, place)| match place {
        Place::Git { url, commit } => path.contains(url.as_str()) && path.contains(commit.as_str()),
        Place::Path(_) => false,
    })
}

/// What to say of copies of shims that someone has changed.
fn changed_shims(
    project: &Project,
    overridden: &[(String, Place)],
    all: &[Series],
) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    for (key, place) in overridden {
        let Place::Path(path) = place else { continue };
        let path = project.root.join(path);
        let is_shim = !all.iter().any(|series| series.name == *key);
        if is_shim && vendor::is_copy(&path) && vendor::is_changed(&path)? {
            notes.push(format!(
                "{} was changed after it was put there",
                path.display()
            ));
        }
    }
    Ok(notes)
}

/// Whether a compiler for C is set for the project.
fn compiles_c(project: &Project) -> Result<bool> {
    Ok(std::env::var_os(CC).is_some() || overrides::sets_env(project, CC)?)
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
