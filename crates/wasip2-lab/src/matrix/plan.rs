//! What is built and run, as `ci/matrix.toml` and the files that it names say.
//!
//! A row is a crate with a set of features and what is done with it; a setting
//! is where and how. Every row meets every setting of its kind, in both
//! variants, and makes a cell; that a cell is not run is in the plan as well,
//! with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::cell::{self, Expectation, Outcome, Variant};
use crate::notation::{duration, fits, maybe_duration};
use wasip2_ground::Wasi;
use wasip2_ground::files::hex;
use wasip2_host::Mode;
use wasip2_series::Part;
use wasip2_toolchain::Panic;

/// The whole plan.
#[derive(Debug)]
pub struct Plan {
    /// In the order in which they are shown.
    pub rows: Vec<Row>,
    pub settings: Vec<Setting>,
    pub limits: Limits,
    /// The workspace of the guests.
    pub guests: Option<PathBuf>,
    /// The workspace of the servers.
    pub servers: Option<PathBuf>,
    /// The workspace of the plugs.
    pub plugs: Option<PathBuf>,
    /// The directory of the suites.
    pub suites: Option<PathBuf>,
    /// The crates whose features are walked; their rows are added once they
    /// were.
    pub walks: Vec<BuildFile>,
    /// A digest of what the plan says.
    pub digest: String,
    expectations: Vec<Pattern>,
}

/// What is done with one crate and one set of its features.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub name: String,
    pub kind: Kind,
    /// The crate that it is about.
    #[serde(rename = "crate")]
    pub krate: String,
    /// Its features, for people.
    pub features: String,
    /// Whether `--quick` runs it.
    pub quick: bool,
    pub work: Work,
    /// What the row itself expects.
    pub upstream: Option<Expectation>,
    pub patched: Option<Expectation>,
}

/// What a row does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A guest runs as a command.
    Run,
    /// A guest answers what the host passes on to it.
    Serve,
    /// The crate's own tests run.
    Suite,
    /// The crate is compiled.
    Build,
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(formatter)
    }
}

/// What there is to do.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "work", rename_all = "lowercase")]
pub enum Work {
    Guest(GuestWork),
    Serve(ServeWork),
    Suite(SuiteWork),
    Build(BuildWork),
}

/// A guest that does what the crate is for.
#[derive(Clone, Debug, Serialize)]
pub struct GuestWork {
    /// Its package.
    pub guest: String,
    /// What has to be there for it.
    pub service: Option<String>,
    /// The host's flags.
    pub rights: Vec<String>,
    pub arguments: Vec<String>,
    pub upstream_rustflags: Vec<String>,
    /// Whether a C compiler is needed.
    pub clang: bool,
    pub time_limit: Option<Duration>,
}

/// A server that the host calls for each request.
#[derive(Clone, Debug, Serialize)]
pub struct ServeWork {
    /// The server, and what it needs.
    pub guest: GuestWork,
    /// What it is asked, one after the other.
    pub requests: Vec<Ask>,
}

/// A request, and the answer to it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    #[serde(default = "get")]
    pub method: String,
    pub path: String,
    #[serde(default)]
    pub body: String,
    pub status: u16,
    /// The whole body of the answer; anything where nothing is said.
    pub answer: Option<String>,
    /// How often it is asked, all at once.
    #[serde(rename = "at-once", default = "one")]
    pub at_once: usize,
}

/// The crate's own tests.
#[derive(Clone, Debug, Serialize)]
pub struct SuiteWork {
    /// What `--quick` runs of them; all where there is nothing.
    pub quick_filter: Vec<String>,
    pub time_limit: Option<Duration>,
}

/// A combination of features.
#[derive(Clone, Debug, Serialize)]
pub struct BuildWork {
    /// The crate's series, as `reqwest` or `reqwest@0.12`.
    pub series: String,
    pub features: Vec<String>,
    /// Whether a C compiler for the target is needed.
    pub clang: bool,
}

/// How long things may take.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    #[serde(deserialize_with = "duration")]
    pub build: Duration,
    #[serde(deserialize_with = "duration")]
    pub run: Duration,
    #[serde(deserialize_with = "duration")]
    pub suite: Duration,
}

/// Where and how cells are built and run.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Setting {
    pub name: String,
    /// What it is, for people.
    pub about: String,
    /// Which kinds of rows meet it.
    pub kinds: Vec<Kind>,
    /// The host, as `--host` has it.
    #[serde(default)]
    pub host: wasip2_host::Kind,
    /// How the built-in host waits.
    #[serde(default)]
    pub mode: Mode,
    /// The wasi-libc that is linked; the toolchain's own where none is named.
    #[serde(default)]
    pub libc: Option<String>,
    /// What a panic does.
    #[serde(default)]
    pub panic: Panic,
    /// The version of WASI that is built for.
    #[serde(default)]
    pub wasi: Wasi,
    /// The part that each series goes to; to its end where none is named.
    #[serde(default)]
    pub parts: Option<Part>,
    /// Whether it is this machine itself.
    #[serde(default)]
    pub native: bool,
    /// What components are composed with: those of these plugs that stand for
    /// something that a component imports, from the inside to the outside.
    #[serde(default)]
    pub plugs: Vec<String>,
    /// The server that stands in front of handlers.
    #[serde(default)]
    pub guard: Option<String>,
    /// What every request to a handler has.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The host's flags beside those of a row.
    #[serde(default)]
    pub rights: Vec<String>,
    /// The program without which nothing runs there.
    #[serde(default)]
    pub needs: Option<Needs>,
    /// The variants that are run in it.
    #[serde(default = "both")]
    pub variants: Vec<Variant>,
    /// The rows that are run in it, in which `*` stands for anything; all
    /// where nothing is said.
    #[serde(default)]
    pub rows: Vec<String>,
    /// Whether `--quick` runs anything in it.
    #[serde(default)]
    pub quick: bool,
    /// Why its other cells are not run.
    #[serde(default)]
    pub otherwise: Option<String>,
}

/// A program that has to be on this machine.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Needs {
    pub program: String,
    pub at_least: semver::Version,
    /// What to do where it is missing.
    pub install: String,
}

/// What is expected of the cells whose names match.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pattern {
    cells: Vec<String>,
    outcome: Outcome,
    reason: String,
}

/// `matrix.toml` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanFile {
    /// Where `rows.toml` and the guests' workspace are, beside this file.
    guests: Option<PathBuf>,
    servers: Option<PathBuf>,
    plugs: Option<PathBuf>,
    suites: Option<PathBuf>,
    limits: Limits,
    #[serde(rename = "setting", default)]
    settings: Vec<Setting>,
    #[serde(rename = "serve", default)]
    serve_rows: Vec<ServeFile>,
    #[serde(rename = "suite", default)]
    suite_rows: Vec<SuiteFile>,
    #[serde(rename = "build", default)]
    builds: Vec<BuildFile>,
    #[serde(rename = "expect", default)]
    expectations: Vec<Pattern>,
}

/// The row of a server.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServeFile {
    name: String,
    server: String,
    #[serde(rename = "crate")]
    krate: String,
    features: String,
    service: Option<String>,
    #[serde(default)]
    rights: Vec<String>,
    #[serde(default)]
    quick: bool,
    requests: Vec<Ask>,
    upstream: Option<Expectation>,
    patched: Option<Expectation>,
}

/// The row of a suite.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SuiteFile {
    #[serde(rename = "crate")]
    krate: String,
    features: String,
    #[serde(default)]
    quick: bool,
    #[serde(default)]
    quick_filter: Vec<String>,
    #[serde(default, deserialize_with = "maybe_duration")]
    time_limit: Option<Duration>,
    upstream: Option<Expectation>,
    patched: Option<Expectation>,
}

/// A crate with a series, whose features are tried.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildFile {
    /// With its release line where it is not the newest, `reqwest@0.12`.
    #[serde(rename = "crate")]
    pub krate: String,
    /// What cargo-hack is told; where it is nothing, it is not asked.
    #[serde(default)]
    pub walk: Vec<String>,
    /// Combinations beside those that it walks.
    #[serde(default)]
    also: Vec<String>,
    /// The combinations that `--quick` tries.
    #[serde(default)]
    quick: Vec<String>,
    /// The features that have C in them.
    #[serde(default)]
    clang: Vec<String>,
}

/// `rows.toml` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RowsFile {
    #[serde(rename = "row", default)]
    rows: Vec<RowFile>,
}

/// The row of a guest.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RowFile {
    name: String,
    guest: String,
    #[serde(rename = "crate")]
    krate: String,
    features: String,
    service: Option<String>,
    #[serde(default)]
    rights: Vec<String>,
    #[serde(default)]
    arguments: Vec<String>,
    kind: Kind,
    #[serde(default)]
    quick: bool,
    #[serde(default)]
    upstream_rustflags: Vec<String>,
    /// Whether it has C in it.
    #[serde(default)]
    clang: bool,
    #[serde(default, deserialize_with = "maybe_duration")]
    time_limit: Option<Duration>,
    upstream: Option<Expectation>,
    patched: Option<Expectation>,
}

impl Plan {
    /// Reads the plan that stands at `path`, and what it names.
    pub fn read(path: &Path) -> Result<Plan> {
        let file: PlanFile = read(path, "the plan")?;
        let beside = |directory: &PathBuf| path.parent().unwrap_or(Path::new("")).join(directory);
        let guests = file.guests.as_ref().map(beside);
        let mut rows = Vec::new();
        if let Some(guests) = &guests {
            ensure!(
                guests.is_dir(),
                "the plan {} has its guests in {}, which is not there: run this in a checkout of \
                 the repository, which has them",
                path.display(),
                guests.display()
            );
            let list: RowsFile = read(&guests.join("rows.toml"), "the list of guests")?;
            rows.extend(list.rows.into_iter().map(RowFile::row));
        }
        rows.extend(file.serve_rows.into_iter().map(ServeFile::row));
        rows.extend(file.suite_rows.into_iter().map(SuiteFile::row));
        let mut digest = Sha256::new();
        digest.update(fs::read(path)?);
        if let Some(guests) = &guests {
            digest.update(fs::read(guests.join("rows.toml"))?);
        }
        let mut plan = Plan {
            rows,
            digest: hex(&digest.finalize()),
            walks: file.builds,
            settings: file.settings,
            limits: file.limits,
            servers: file.servers.as_ref().map(beside),
            plugs: file.plugs.as_ref().map(beside),
            suites: file.suites.as_ref().map(beside),
            guests,
            expectations: file.expectations,
        };
        // Those that are named stand in the plan without a walk.
        for build in plan.walks.clone() {
            plan.add_builds(&build, &[]);
        }
        plan.check()
            .with_context(|| format!("the plan {} is not right", path.display()))?;
        Ok(plan)
    }

    /// Adds the rows of a crate's features: of those that were walked, and of
    /// those that are named.
    pub fn add_builds(&mut self, build: &BuildFile, walked: &[Vec<String>]) {
        let split = |list: &String| -> Vec<String> {
            let mut features: Vec<String> = list
                .split(',')
                .filter(|feature| !feature.is_empty())
                .map(str::to_owned)
                .collect();
            features.sort();
            features
        };
        let quick: Vec<Vec<String>> = build.quick.iter().map(split).collect();
        let named = build.also.iter().map(split);
        for features in quick.iter().cloned().chain(named).chain(walked.to_vec()) {
            let shown = match features.as_slice() {
                [] => "none".to_owned(),
                // Cargo-hack's last: every feature at once.
                many if many.len() > 8 => "all".to_owned(),
                few => few.join(","),
            };
            let name = format!("build:{}:{shown}", build.krate);
            if self.rows.iter().any(|row| row.name == name) {
                continue;
            }
            self.rows.push(Row {
                name,
                kind: Kind::Build,
                krate: build.name().to_owned(),
                features: shown,
                quick: quick.contains(&features),
                work: Work::Build(BuildWork {
                    series: build.krate.clone(),
                    clang: features.iter().any(|one| build.clang.contains(one)),
                    features,
                }),
                upstream: None,
                patched: None,
            });
        }
    }

    fn check(&self) -> Result<()> {
        let mut seen = BTreeSet::new();
        for row in &self.rows {
            ensure!(
                seen.insert(&row.name),
                "two rows are called `{}`: a name says which row is meant",
                row.name
            );
            for (variant, expectation) in [("upstream", &row.upstream), ("patched", &row.patched)] {
                if let Some(expectation) = expectation {
                    explained(&format!("{}.{variant}", row.name), expectation)?;
                }
            }
        }
        let mut seen = BTreeSet::new();
        for setting in &self.settings {
            ensure!(
                seen.insert(&setting.name),
                "two settings are called `{}`",
                setting.name
            );
            let partial = !setting.rows.is_empty() || setting.variants.len() < 2;
            ensure!(
                !partial || setting.otherwise.is_some(),
                "the setting `{}` leaves cells out and does not say why (`otherwise`)",
                setting.name
            );
        }
        for pattern in &self.expectations {
            ensure!(
                !pattern.reason.trim().is_empty(),
                "no reason is given for what is expected of {}",
                pattern.cells.join(", ")
            );
        }
        Ok(())
    }

    /// What is expected of a cell. What the plan says of its name counts more
    /// than what its row says.
    pub fn expected(&self, row: &Row, variant: Variant, setting: &Setting) -> Expectation {
        let name = cell::name(&row.name, variant, &setting.name);
        let pattern = self
            .expectations
            .iter()
            .find(|pattern| pattern.cells.iter().any(|cells| fits(cells, &name)));
        if let Some(pattern) = pattern {
            return Expectation {
                outcome: pattern.outcome,
                reason: pattern.reason.clone(),
            };
        }
        row.own_expectation(variant).clone().unwrap_or(Expectation {
            outcome: Outcome::Passes,
            reason: String::new(),
        })
    }
}

impl GuestWork {
    /// A component that is built and needs nothing.
    pub fn named(guest: &str) -> GuestWork {
        GuestWork {
            guest: guest.to_owned(),
            service: None,
            rights: Vec::new(),
            arguments: Vec::new(),
            upstream_rustflags: Vec::new(),
            clang: false,
            time_limit: None,
        }
    }
}

impl Row {
    /// What the row itself expects of a variant. Where that is that it is not
    /// run, the plan leaves it out.
    fn own_expectation(&self, variant: Variant) -> &Option<Expectation> {
        match variant {
            Variant::Upstream => &self.upstream,
            Variant::Patched => &self.patched,
        }
    }
}

impl Setting {
    /// Why the plan does not have the cell run, if it does not.
    pub fn leaves_out(&self, row: &Row, variant: Variant) -> Option<String> {
        let own = row.own_expectation(variant).as_ref();
        if let Some(own) = own.filter(|own| own.outcome == Outcome::NotRun) {
            return Some(format!("not in the plan: {}", own.reason));
        }
        let planned = self.variants.contains(&variant)
            && (self.rows.is_empty() || self.rows.iter().any(|rows| fits(rows, &row.name)));
        (!planned).then(|| {
            let why = self.otherwise.as_deref().unwrap_or_default();
            format!("not in the plan: {why}")
        })
    }
}

impl BuildFile {
    /// The crate's name.
    fn name(&self) -> &str {
        let name = self.krate.split_once('@').map(|(name, _)| name);
        name.unwrap_or(&self.krate)
    }
}

impl RowFile {
    fn row(self) -> Row {
        Row {
            name: self.name,
            kind: self.kind,
            krate: self.krate,
            features: self.features,
            quick: self.quick,
            work: Work::Guest(GuestWork {
                guest: self.guest,
                service: self.service,
                rights: self.rights,
                arguments: self.arguments,
                upstream_rustflags: self.upstream_rustflags,
                clang: self.clang,
                time_limit: self.time_limit,
            }),
            upstream: self.upstream,
            patched: self.patched,
        }
    }
}

impl ServeFile {
    fn row(self) -> Row {
        let guest = GuestWork {
            service: self.service,
            rights: self.rights,
            ..GuestWork::named(&self.server)
        };
        Row {
            name: self.name,
            kind: Kind::Serve,
            krate: self.krate,
            features: self.features,
            quick: self.quick,
            work: Work::Serve(ServeWork {
                guest,
                requests: self.requests,
            }),
            upstream: self.upstream,
            patched: self.patched,
        }
    }
}

impl SuiteFile {
    fn row(self) -> Row {
        Row {
            name: format!("suite:{}", self.krate),
            kind: Kind::Suite,
            krate: self.krate,
            features: self.features,
            quick: self.quick,
            work: Work::Suite(SuiteWork {
                quick_filter: self.quick_filter,
                time_limit: self.time_limit,
            }),
            upstream: self.upstream,
            patched: self.patched,
        }
    }
}

fn explained(what: &str, expectation: &Expectation) -> Result<()> {
    match expectation.outcome {
        Outcome::Passes => bail!("{what} says that it passes: that is expected, so take it out"),
        _ if expectation.reason.trim().is_empty() => bail!("{what} gives no reason"),
        _ => Ok(()),
    }
}

fn read<T: DeserializeOwned>(path: &Path, what: &str) -> Result<T> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("{what} {} could not be read", path.display()))?;
    toml::from_str(&text).with_context(|| format!("{what} {} is not right", path.display()))
}

fn both() -> Vec<Variant> {
    Variant::ALL.to_vec()
}

fn get() -> String {
    "GET".to_owned()
}

fn one() -> usize {
    1
}
