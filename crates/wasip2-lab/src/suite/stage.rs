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
use wasip2_ground::TARGET;
use wasip2_ground::console::Console;
use wasip2_ground::files::write_whole;
use wasip2_ground::home::Home;
use wasip2_ground::mirror::mirror;
use wasip2_ground::process::quoted_tail;
use wasip2_series::overrides::{self, Options};
use wasip2_series::project::{Project, locked};
use wasip2_series::series::Series;
use wasip2_series::shims::Shims;
use wasip2_series::{Release, SeriesArgs, tree};

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
                tree::make_all(
                    std::slice::from_ref(series),
                    arguments.network(),
                    home,
                    console,
                )?;
                tree::path(series, home)
            }
            _ => released.clone(),
        };
        let kind = if upstream { "upstream" } else { "patched" };
        let root = home.directory(format!("suites/{}-{kind}", definition.krate()))?;
        let package = root.join(release.directory_name());
        mirror(
            &source,
            &package,
            &[".git", ".cargo", "Cargo.lock", "target"],
        )?;

        let project = Project { root };
        let stage = Stage {
            project,
            package,
            patches: own.filter(|_| !upstream).map(|own| own.patches.len()),
            upstream,
            release,
        };
        stage.initialise(&released, series, arguments, home, console)?;
        Ok(stage)
    }

    /// Writes the workspace's manifest, configuration and lock file, unless
    /// they are as they would be.
    fn initialise(
        &self,
        released: &std::path::Path,
        series: &[Series],
        arguments: &SeriesArgs,
        home: &Home,
        console: &Console,
    ) -> Result<()> {
        let directory = self.release.directory_name();
        let name = &self.release.name;
        let mut manifest = format!(
            "# Made by `cargo wasip2 suite`.\n[workspace]\nmembers = [\"{directory}\"]\nresolver = \
             \"2\"\n\n[profile.dev]\ndebug = false\n\n[patch.crates-io]\n{name} = {{ path = \"{directory}\" }}\n"
        );
        let shims = Shims::find(home)?;
        shims.stage_all(home, console)?;
        for shim in shims.needed(&[self.package.join("Cargo.toml")])? {
            let path = shims.path(&shim, home);
            manifest.push_str(&format!(
                "\n[patch.crates-io.{shim}]\npath = {:?}\n",
                path.to_string_lossy()
            ));
        }
        let mut state = manifest.clone();
        state.push_str(&fs::read_to_string(self.package.join("Cargo.toml"))?);
        if !self.upstream {
            for series in series {
                state.push_str(&series.digest()?);
            }
        }
        state.push_str(env!("CARGO_PKG_VERSION"));
        let stamp = self.project.root.join("target").join("initialised");
        if fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == state) {
            return Ok(());
        }
        write_whole(&self.project.root.join("Cargo.toml"), manifest.as_bytes())?;
        if let Ok(lock) = fs::read(released.join("Cargo.lock")) {
            write_whole(&self.project.lock_path(), &lock)?;
        }
        // What upstream had locked may hold another release of the crate itself.
        let mut releases = vec![self.release.clone()];
        if self.upstream {
            releases.extend(series.iter().map(Series::release));
        }
        self.lock(&releases, arguments.offline, console)?;
        if !self.upstream {
            let others: Vec<Series> = series
                .iter()
                .filter(|series| series.name != *name)
                .cloned()
                .collect();
            let options = Options {
                offline: arguments.offline,
                ..Options::default()
            };
            overrides::initialise(&self.project, &others, &options, home, console)?;
        }
        write_whole(&stamp, state.as_bytes())
    }

    /// Locks these releases, the crate's own and those that the series are
    /// for, so that what is compared differs by the patches alone.
    fn lock(&self, releases: &[Release], offline: bool, console: &Console) -> Result<()> {
        let lock = self.project.lock(offline, console)?;
        for release in releases {
            for version in locked(&lock, &release.name) {
                if !release.serves(&version) || version == release.version {
                    continue;
                }
                let package = format!("{}@{version}", release.name);
                let precise = release.version.to_string();
                let arguments = ["update", "--package", &package, "--precise", &precise];
                // Cargo refuses where moving another package has moved this.
                let output = self.project.cargo(&arguments, offline).output(console)?;
                let now = locked(&self.project.lock(offline, console)?, &release.name);
                ensure!(
                    !now.contains(&version),
                    "cargo cannot lock {release} instead of v{version} in {}{}",
                    self.project.root.display(),
                    quoted_tail(&output.stderr, 12)
                );
            }
        }
        Ok(())
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
        let text = self
            .project
            .cargo(&["metadata", "--format-version=1", "--no-deps"], false)
            .read(console)?;
        let metadata: cargo_metadata::Metadata = serde_json::from_str(&text)?;
        let package = metadata
            .packages
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

/// Whether a test is one of those that were asked for.
pub fn passes(filter: &[String], test: &str) -> bool {
    filter.is_empty() || filter.iter().any(|part| test.contains(part.as_str()))
}
