//! The workspace that a suite is built in.
//!
//! It has one member, a copy of the crate, and overrides the registry's with
//! it: a crate's tests use other crates that depend on it again (tokio's use
//! tokio-test), and without the override two of it would meet. The lock file
//! is the one that upstream released the crate with.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use cargo_metadata::TargetKind;

use super::definition::Definition;
use super::linux::LinuxTests;
use wasip2_ground::mirror::mirror;
use wasip2_ground::{Console, Home, TARGET, Wasi};
use wasip2_series::project::Project;
use wasip2_series::shims::Shims;
use wasip2_series::{Part, Release, Series, SeriesArgs, Staging, tree};

/// Where tests run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// In a component, in the host.
    Component,
    /// As a program of this machine's own.
    Native,
}

impl Place {
    /// Its name, as Rust calls targets.
    pub fn name(self) -> &'static str {
        match self {
            Place::Component => TARGET,
            Place::Native => std::env::consts::OS,
        }
    }
}

/// A staged workspace.
#[derive(Debug)]
pub struct Stage {
    /// The workspace.
    pub project: Project,
    /// The crate in it.
    pub package: PathBuf,
    /// What it was released as.
    pub release: Release,
    /// How many patches are applied to it; none where it is as released, or
    /// has no series.
    pub patches: Option<usize>,
    /// Whether no series is applied, to it or to what it depends on.
    pub upstream: bool,
    /// Whether anything is expected: of the whole series only.
    pub judged: bool,
}

/// What of a package holds tests.
#[derive(Debug)]
pub struct Targets {
    targets: Vec<Target>,
}

/// One program of tests.
#[derive(Clone, Debug)]
pub struct Target {
    /// The first part of its tests' names.
    pub name: String,
    /// Whether it is the library itself.
    pub library: bool,
    source: PathBuf,
}

impl Stage {
    /// Stages the suite, with the series applied unless `upstream`.
    pub fn make(
        definition: &Definition,
        series: &[Series],
        upstream: bool,
        arguments: &SeriesArgs,
        home: &Home,
        console: &Console,
    ) -> Result<Stage> {
        let own = series
            .iter()
            .filter(|series| series.name == definition.krate())
            .max_by(|one, other| one.version.cmp(&other.version));
        let release = match (own, definition.release()) {
            (Some(series), None) => series.release(),
            (None, Some(release)) => Release {
                name: definition.krate().to_owned(),
                version: release.version.clone(),
                checksum: Some(release.checksum.clone()),
            },
            (own, _) => {
                ensure!(
                    own.is_some(),
                    "{} does not say which release is tested: the crate has no series, so it \
                     needs `[release]` with `version` and `checksum`",
                    definition.path.display()
                );
                anyhow::bail!(
                    "{} has a `[release]`, but the release that is tested is that of the series: \
                     take it out",
                    definition.path.display()
                );
            }
        };
        let released = release.fetch(arguments.network(), home, console)?.directory;
        let source = match own {
            Some(series) if !upstream => {
                tree::make(series, arguments.network(), false, home, console)?
            }
            _ => released.clone(),
        };
        // None takes another's place.
        let part = own.map_or(Part::Local, |series| series.last);
        let kind = match (upstream, part) {
            (true, _) => "upstream".to_owned(),
            (false, Part::Local) => "patched".to_owned(),
            (false, part) => format!("patched-{part}"),
        };
        let kind = match definition.way.wasi {
            Wasi::P2 => kind,
            newer => format!("{kind}-{newer}"),
        };
        let root = home.directory(format!("suites/{}-{kind}", definition.krate()))?;
        let package = root.join(release.directory_name());
        mirror(
            &source,
            &package,
            &[".git", ".cargo", "Cargo.lock", "target"],
        )?;

        let shims = Shims::find(home)?;
        let needed = shims.needed(&[package.join("Cargo.toml")])?;
        let mut releases = vec![release.clone()];
        let mut others = Vec::new();
        match upstream {
            // What upstream had locked may hold another release than the
            // series are for.
            true => releases.extend(series.iter().map(Series::release)),
            false => others.extend(
                series
                    .iter()
                    .filter(|one| one.name != release.name)
                    .cloned(),
            ),
        }
        let staging = Staging {
            root,
            manifest: Some(manifest(&release, &needed, &shims, home)),
            lock: Some(released.join("Cargo.lock")),
            releases,
            series: &others,
            wasi: definition.way.wasi,
        };
        Ok(Stage {
            project: staging.initialise(arguments, home, console)?,
            package,
            patches: own.filter(|_| !upstream).map(|own| own.patches.len()),
            upstream,
            judged: !upstream && part == Part::Local,
            release,
        })
    }

    /// The crate and its version, and what was done to it.
    pub fn describe(&self) -> String {
        match self.patches {
            Some(patches) => format!("{} ({patches} patches)", self.release),
            None if self.upstream => format!("{} (as released)", self.release),
            None => format!("{} (on patched crates)", self.release),
        }
    }

    /// What of the package holds tests.
    pub fn targets(&self, console: &Console) -> Result<Targets> {
        let package = self
            .project
            .packages(console)?
            .into_iter()
            .find(|package| package.name.as_str() == self.release.name)
            .with_context(|| format!("cargo's metadata does not hold {}", self.release))?;
        let mut targets: Vec<Target> = package
            .targets
            .into_iter()
            .filter(|target| target.test)
            .filter(|target| target.is_kind(TargetKind::Test) || target.is_kind(TargetKind::Lib))
            .map(|target| Target {
                library: target.is_kind(TargetKind::Lib),
                name: target.name.replace('-', "_"),
                source: target.src_path.into_std_path_buf(),
            })
            .collect();
        targets.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Targets { targets })
    }
}

impl Targets {
    /// The targets that may hold a test which one of the filters lets through:
    /// all of them where there is no filter.
    pub fn wanted(&self, filter: &[String], linux: &LinuxTests) -> Vec<Target> {
        let listed: BTreeSet<&str> = linux
            .names()
            .filter(|name| passes(filter, name))
            .filter_map(|name| name.split("::").next())
            .collect();
        let may_hold = |target: &Target| {
            filter.is_empty()
                || listed.contains(target.name.as_str())
                || filter.iter().any(|filter| {
                    // Each part of a test's name stands in its source, or is
                    // the name of its file.
                    let source = match target.library {
                        true => String::new(),
                        false => fs::read_to_string(&target.source).unwrap_or_default(),
                    };
                    filter
                        .split("::")
                        .all(|part| target.name.contains(part) || source.contains(part))
                })
        };
        self.targets
            .iter()
            .filter(|target| may_hold(target))
            .cloned()
            .collect()
    }
}

/// The workspace's manifest.
fn manifest(release: &Release, needed: &BTreeSet<String>, shims: &Shims, home: &Home) -> String {
    let (name, directory) = (&release.name, release.directory_name());
    let mut manifest = format!(
        "# Made by `cargo wasip2 suite`.\n[workspace]\nmembers = [\"{directory}\"]\nresolver = \
         \"2\"\n\n[profile.dev]\ndebug = false\n\n[patch.crates-io]\n{name} = {{ path = \"{directory}\" }}\n"
    );
    for shim in needed {
        let path = shims.path(shim, home);
        manifest.push_str(&format!(
            "\n[patch.crates-io.{shim}]\npath = {:?}\n",
            path.to_string_lossy()
        ));
    }
    manifest
}

/// Whether a test is one of those that were asked for.
pub fn passes(filter: &[String], test: &str) -> bool {
    filter.is_empty() || filter.iter().any(|part| test.contains(part.as_str()))
}
