//! A suite's file, `compat-tests/expectations/<crate>.toml`: how the tests are
//! built, and what is expected of those that do not pass.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use semver::Version;
use serde::{Deserialize, Serialize};

use super::outcome::Outcome;
use crate::notation::{fits, maybe_duration};
use wasip2_ground::Wasi;
use wasip2_host::Mode;
use wasip2_toolchain::Panic;

/// How long a test may take where the suite says nothing else.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// How long a test may take that is expected to take for ever.
const HANG_LIMIT: Duration = Duration::from_secs(5);

/// How a crate's tests are built and what is expected of them.
#[derive(Debug)]
pub struct Definition {
    /// Where it was read from.
    pub path: PathBuf,
    file: File,
    /// How they are built and run.
    pub way: Way,
}

/// How tests are built and run, as far as it decides what becomes of them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Way {
    /// What a panic does.
    pub panic: Panic,
    /// How the host waits.
    pub mode: Mode,
    /// The version of WASI.
    pub wasi: Wasi,
}

impl Way {
    /// Every one that there is: 0.3 has no synchronous host.
    fn all() -> impl Iterator<Item = Way> {
        let hosts = [
            (Wasi::P2, Mode::Async),
            (Wasi::P2, Mode::Sync),
            (Wasi::P3, Mode::Async),
        ];
        [Panic::Abort, Panic::Unwind]
            .into_iter()
            .flat_map(move |panic| hosts.map(|(wasi, mode)| Way { panic, mode, wasi }))
    }
}

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    #[serde(rename = "crate")]
    krate: String,
    release: Option<ReleaseFile>,
    #[serde(default)]
    features: Vec<String>,
    #[serde(default)]
    upstream_rustflags: Vec<String>,
    upstream_passes: Option<usize>,
    #[serde(default, deserialize_with = "maybe_duration")]
    time_limit: Option<Duration>,
    #[serde(default)]
    expect: Vec<Expectation>,
}

/// Which release is tested, of a crate without a series.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseFile {
    pub version: Version,
    pub checksum: String,
}

/// What is expected of some tests, and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// What becomes of them; several where that varies.
    pub outcome: Outcomes,
    /// Why they do not pass, or not always.
    pub reason: String,
    /// What a panic does where that is so; left out where it does not matter.
    pub panic: Option<Panic>,
    /// How the host waits where that is so; left out where it does not matter.
    pub mode: Option<Mode>,
    /// The version of WASI where that is so; left out where it does not matter.
    pub wasi: Option<Wasi>,
    /// Their names, in which `*` stands for anything.
    pub tests: Vec<String>,
}

/// One outcome, or several any of which is right.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(
    untagged,
    expecting = "expected one of passes, fails, aborts, hangs, ignored and absent, or a list of those"
)]
pub enum Outcomes {
    One(Outcome),
    Several(Vec<Outcome>),
}

/// What is expected of a test that nothing is said of.
pub static PASSES: Outcomes = Outcomes::One(Outcome::Passes);

/// What is expected of a test that Linux does not run.
pub static IGNORED: Outcomes = Outcomes::One(Outcome::Ignored);

/// An expectation as a report refers to it.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    pub outcome: &'a Outcomes,
    /// Why, of what does not pass.
    pub reason: Option<&'a str>,
}

impl Outcomes {
    /// Whether `outcome` is one of them.
    pub fn admit(&self, outcome: Outcome) -> bool {
        match self {
            Outcomes::One(one) => *one == outcome,
            Outcomes::Several(several) => several.contains(&outcome),
        }
    }

    /// Whether it varies what becomes of the test.
    pub fn vary(&self) -> bool {
        matches!(self, Outcomes::Several(_))
    }
}

impl fmt::Display for Outcomes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcomes::One(outcome) => outcome.fmt(formatter),
            Outcomes::Several(outcomes) => {
                let names: Vec<String> = outcomes.iter().map(Outcome::to_string).collect();
                formatter.write_str(&names.join(" or "))
            }
        }
    }
}

impl Expectation {
    fn holds(&self, way: Way) -> bool {
        self.panic.is_none_or(|only| only == way.panic)
            && self.mode.is_none_or(|only| only == way.mode)
            && self.wasi.is_none_or(|only| only == way.wasi)
    }
}

impl Definition {
    /// Reads the suite of `krate`, whose tests are built and run in this `way`.
    pub fn read(directory: &Path, krate: &str, way: Way) -> Result<Definition> {
        let path = directory.join(format!("{krate}.toml"));
        if !path.is_file() {
            bail!(
                "there is no suite `{krate}`; there are {}",
                names(directory)?.join(", ")
            );
        }
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{} could not be read", path.display()))?;
        let file: File = toml::from_str(&text)
            .with_context(|| format!("the suite {} is not right", path.display()))?;
        ensure!(
            file.krate == krate,
            "the suite {} is of the crate `{}`",
            path.display(),
            file.krate
        );
        for expectation in &file.expect {
            let tests = expectation.tests.join(", ");
            ensure!(
                expectation.outcome != PASSES,
                "{} says of {tests} that it passes: that is expected of every test, so take it out",
                path.display(),
            );
            if let Outcomes::Several(outcomes) = &expectation.outcome {
                let different: BTreeSet<&Outcome> = outcomes.iter().collect();
                ensure!(
                    different.len() > 1 && different.len() == outcomes.len(),
                    "{} has a list of outcomes for {tests}, which is for those that vary: name \
                     each that is seen, once, or the only one without a list",
                    path.display(),
                );
                ensure!(
                    !expectation.reason.trim().is_empty(),
                    "{} says of {tests} that the outcome varies, but not why: give a reason, or \
                     find out",
                    path.display(),
                );
            }
        }
        let definition = Definition { path, file, way };
        definition.refuse_doubles()?;
        Ok(definition)
    }

    /// The crate's name.
    pub fn krate(&self) -> &str {
        &self.file.krate
    }

    /// What a panic does, and the version of WASI, where they are not what they
    /// are by default.
    pub fn described_way(&self) -> String {
        let wasi = match self.way.wasi {
            Wasi::P2 => String::new(),
            newer => format!(", WASI {newer}"),
        };
        let panic = match self.way.panic {
            Panic::Abort => "",
            Panic::Unwind => ", with panics that unwind",
        };
        wasi + panic
    }

    /// The release that the file names.
    pub fn release(&self) -> Option<&ReleaseFile> {
        self.file.release.as_ref()
    }

    /// The crate's features.
    pub fn features(&self) -> &[String] {
        &self.file.features
    }

    /// What rustc needs to build the crate without its series for the target.
    pub fn upstream_rustflags(&self) -> &[String] {
        &self.file.upstream_rustflags
    }

    /// How many tests passed when the crate was last tested without its series.
    pub fn upstream_passes(&self) -> Option<usize> {
        self.file.upstream_passes
    }

    /// What is expected of a test. A name in full counts more than a pattern.
    pub fn expected(&self, test: &str) -> Expected<'_> {
        let find = |matches: &dyn Fn(&str) -> bool| {
            self.expectations()
                .find(|expectation| expectation.tests.iter().any(|pattern| matches(pattern)))
        };
        let found =
            find(&|pattern| pattern == test).or_else(|| find(&|pattern| fits(pattern, test)));
        match found {
            Some(expectation) => Expected {
                outcome: &expectation.outcome,
                reason: Some(&expectation.reason),
            },
            None => Expected {
                outcome: &PASSES,
                reason: None,
            },
        }
    }

    /// How long a test may take of which `expected` is expected.
    pub fn time_limit(&self, expected: &Outcomes) -> Duration {
        let limit = self.file.time_limit.unwrap_or(TIME_LIMIT);
        match expected {
            Outcomes::One(Outcome::Hangs) => limit.min(HANG_LIMIT),
            _ => limit,
        }
    }

    /// The names and patterns that fit none of `tests`.
    pub fn stale<'a>(&'a self, tests: &[&str]) -> Vec<&'a str> {
        self.expectations()
            .flat_map(|expectation| &expectation.tests)
            .filter(|pattern| !tests.iter().any(|test| fits(pattern, test)))
            .map(String::as_str)
            .collect()
    }

    /// The tests that have no reason yet.
    pub fn unexplained(&self) -> usize {
        self.expectations()
            .filter(|expectation| expectation.reason.trim().is_empty())
            .map(|expectation| expectation.tests.len())
            .sum()
    }

    /// Those that hold here.
    fn expectations(&self) -> impl Iterator<Item = &Expectation> {
        self.file.expect.iter().filter(|one| one.holds(self.way))
    }

    fn refuse_doubles(&self) -> Result<()> {
        for way in Way::all() {
            let mut seen = std::collections::HashSet::new();
            for pattern in self
                .file
                .expect
                .iter()
                .filter(|one| one.holds(way))
                .flat_map(|one| &one.tests)
            {
                ensure!(
                    seen.insert(pattern),
                    "{} names `{pattern}` twice",
                    self.path.display()
                );
            }
        }
        Ok(())
    }
}

fn names(directory: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(directory)
        .with_context(|| format!("the suites in {} could not be read", directory.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix(".toml").map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        assert!(fits("uds_*::*", "uds_stream::tests::one"));
        assert!(fits("*::panics", "a::b::panics"));
        assert!(!fits("uds_*", "tcp::uds_"));
        assert!(!fits("uds", "uds_stream"));
    }
}
