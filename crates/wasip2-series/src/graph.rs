//! What of a project is really built for this target: its packages with the
//! features that are on, and who pulls each in.
//!
//! `cargo tree` tells. The lock file holds every platform's packages, and
//! `cargo metadata` counts features that only other platforms turn on.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use semver::Version;
use wasip2_ground::process::quoted_tail;
use wasip2_ground::{Console, TARGET};

use crate::project::Project;

/// What build scripts compile C with.
const COMPILES_C: [&str; 4] = ["cc", "cmake", "autotools", "openssl-src"];

/// Crates whose build scripts can compile C, and do not for this target.
const WITHOUT_C: [&str; 4] = ["blake3", "network-interface", "psm", "stacker"];

/// Crates whose C needs nothing but a clang on `PATH`: no header, no archiver.
const BARE_CLANG: [&str; 1] = ["ring"];

/// The packages that are built for this target.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// In the order in which cargo shows them, each once.
    pub packages: Vec<Package>,
}

/// A package of a project's graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// Its directory, where it does not come from a registry.
    pub path: Option<PathBuf>,
    /// The features that are on.
    pub features: Vec<String>,
    /// The packages that depend on it, as `name` and version.
    pub parents: BTreeSet<(String, Version)>,
    /// Whether its build script compiles C.
    pub has_c: bool,
}

impl Graph {
    /// Asks cargo, of every package of the workspace with its default features.
    pub fn of(project: &Project, offline: bool, console: &Console) -> Result<Graph> {
        let mut graph = Graph::default();
        graph.read(&tree(project, "normal", offline, console)?);
        // A build script's own dependencies are built for this machine; what
        // they are tells whether it compiles C.
        let mut builds = Graph::default();
        builds.read(&tree(project, "normal,build", offline, console)?);
        for name in COMPILES_C {
            for compiler in builds.named(name) {
                for package in &mut graph.packages {
                    let is_parent = compiler.parents.iter().any(|(name, version)| {
                        *name == package.name && *version == package.version
                    });
                    package.has_c |= is_parent && !WITHOUT_C.contains(&package.name.as_str());
                }
            }
        }
        Ok(graph)
    }

    /// The packages called `name`.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Package> {
        self.packages
            .iter()
            .filter(move |package| package.name == name)
    }

    /// This version of `name`, if it is built.
    pub fn find(&self, name: &str, version: &Version) -> Option<&Package> {
        let mut packages = self.packages.iter();
        packages.find(|package| package.name == name && package.version == *version)
    }

    /// The packages with C in them.
    pub fn with_c(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.has_c)
    }

    /// Reads what `cargo tree --prefix=depth` printed.
    fn read(&mut self, text: &str) {
        // Where each depth's package stands; `None` is a procedural macro's,
        // whose dependencies are built for this machine.
        let mut above: Vec<Option<usize>> = Vec::new();
        for (depth, line) in text.lines().filter_map(depth) {
            above.truncate(depth);
            let parent = above.last().copied();
            let place = match (package(line), parent) {
                (Some((_, true)) | None, _) | (_, Some(None)) => None,
                (Some((package, false)), _) => {
                    let known = self.packages.iter().position(|known| {
                        known.name == package.name && known.version == package.version
                    });
                    let place = known.unwrap_or(self.packages.len());
                    if known.is_none() {
                        self.packages.push(package);
                    }
                    if let Some(Some(parent)) = parent {
                        let parent = &self.packages[parent];
                        let parent = (parent.name.clone(), parent.version.clone());
                        self.packages[place].parents.insert(parent);
                    }
                    Some(place)
                }
            };
            above.push(place);
        }
    }
}

impl Package {
    /// Whether its C is compiled with what is there, without any variable.
    pub fn does_with_bare_clang(&self) -> bool {
        BARE_CLANG.contains(&self.name.as_str()) && which::which("clang").is_ok()
    }

    /// Who pulls it in, for a message.
    pub fn pulled_in_by(&self) -> String {
        let names: Vec<String> = self
            .parents
            .iter()
            .map(|(name, version)| format!("{name} v{version}"))
            .collect();
        match names.as_slice() {
            [] => "nothing pulls it in".to_owned(),
            names => format!("pulled in by {}", names.join(", ")),
        }
    }
}

fn tree(project: &Project, edges: &str, offline: bool, console: &Console) -> Result<String> {
    let edges = format!("--edges={edges}");
    let arguments = [
        "tree",
        "--workspace",
        "--target",
        TARGET,
        &edges,
        "--prefix=depth",
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
    String::from_utf8(output.stdout).context("`cargo tree` printed no UTF-8")
}

/// Splits a line of `cargo tree --prefix=depth`.
fn depth(line: &str) -> Option<(usize, &str)> {
    let end = line.find(|character: char| !character.is_ascii_digit())?;
    Some((line[..end].parse().ok()?, &line[end..]))
}

/// Reads the rest of it, `tokio v1.54.1 (/path)|net,rt (*)`; and whether it is
/// a procedural macro.
fn package(line: &str) -> Option<(Package, bool)> {
    let (package, features) = line.rsplit_once('|')?;
    let features = features.strip_suffix(" (*)").unwrap_or(features);
    let mut words = package.splitn(3, ' ');
    let name = words.next()?.to_owned();
    let version = words.next()?.strip_prefix('v')?.parse().ok()?;
    let rest = words.next().unwrap_or_default();
    let path = rest
        .split('(')
        .nth_back(0)
        .and_then(|path| path.strip_suffix(')'))
        .filter(|path| *path != "proc-macro")
        .map(PathBuf::from);
    let package = Package {
        name,
        version,
        path,
        features: features.split(',').map(str::to_owned).collect(),
        parents: BTreeSet::new(),
        has_c: false,
    };
    Some((package, rest.contains("(proc-macro)")))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_line_of_cargo_tree_is_read() {
        let (tokio, _) = package("tokio v1.54.1 (/trees/tokio-1.54.1)|net,rt (*)").unwrap();
        assert_eq!(
            tokio.path.as_deref(),
            Some(Path::new("/trees/tokio-1.54.1"))
        );
        assert_eq!(tokio.features, ["net", "rt"]);
        let (serde, is_macro) = package("serde_derive v1.0.229 (proc-macro)|default").unwrap();
        assert_eq!((serde.name.as_str(), serde.path), ("serde_derive", None));
        assert!(is_macro);
        assert_eq!(package(""), None);
    }

    #[test]
    fn the_graph_knows_who_pulls_what_in_and_leaves_macros_out() {
        let mut graph = Graph::default();
        graph.read(
            "0program v0.1.0 (/program)|\n1tokio v1.54.1|net\n2mio v1.2.5|net\n1serde_derive \
             v1.0.0 (proc-macro)|default\n2syn v3.0.0|full\n1hyper v1.12.0|\n2tokio v1.54.1|net \
             (*)\n\n0other v0.1.0 (/other)|\n1mio v0.8.0|\n",
        );
        let names: Vec<&str> = graph
            .packages
            .iter()
            .map(|package| package.name.as_str())
            .collect();
        assert_eq!(names, ["program", "tokio", "mio", "hyper", "other", "mio"]);
        let tokio = graph.named("tokio").next().unwrap();
        assert_eq!(
            tokio.pulled_in_by(),
            "pulled in by hyper v1.12.0, program v0.1.0"
        );
        let old = graph.find("mio", &Version::new(0, 8, 0)).unwrap();
        assert_eq!(old.pulled_in_by(), "pulled in by other v0.1.0");
    }
}
