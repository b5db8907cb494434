//! A suite's file, `compat-tests/suites/<crate>.toml`: how the tests are
//! built, and what is expected of those that do not pass.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use semver::Version;
use serde::{Deserialize, Deserializer};
use wildmatch::WildMatch;

use super::outcome::Outcome;
use crate::host;

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
    #[serde(default, deserialize_with = "duration")]
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
    /// What becomes of them.
    pub outcome: Outcome,
    /// Why they do not pass.
    pub reason: String,
    /// Their names, in which `*` stands for anything.
    pub tests: Vec<String>,
}

/// An expectation as a report refers to it.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    pub outcome: Outcome,
    /// Why, of what does not pass.
    pub reason: Option<&'a str>,
}

impl Definition {
    /// Reads the suite of `krate`.
    pub fn read(directory: &Path, krate: &str) -> Result<Definition> {
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
            ensure!(
                expectation.outcome != Outcome::Passes,
                "{} says of {} that it passes: that is expected of every test, so take it out",
                path.display(),
                expectation.tests.join(", ")
            );
        }
        let definition = Definition { path, file };
        definition.refuse_doubles()?;
        Ok(definition)
    }

    /// The crate's name.
    pub fn krate(&self) -> &str {
        &self.file.krate
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
            self.file
                .expect
                .iter()
                .find(|expectation| expectation.tests.iter().any(|pattern| matches(pattern)))
        };
        let found =
            find(&|pattern| pattern == test).or_else(|| find(&|pattern| fits(pattern, test)));
        match found {
            Some(expectation) => Expected {
                outcome: expectation.outcome,
                reason: Some(&expectation.reason),
            },
            None => Expected {
                outcome: Outcome::Passes,
                reason: None,
            },
        }
    }

    /// How long a test may take of which `expected` is expected.
    pub fn time_limit(&self, expected: Outcome) -> Duration {
        let limit = self.file.time_limit.unwrap_or(TIME_LIMIT);
        match expected {
            Outcome::Hangs => limit.min(HANG_LIMIT),
            _ => limit,
        }
    }

    /// The names and patterns that fit none of `tests`.
    pub fn stale<'a>(&'a self, tests: &[&str]) -> Vec<&'a str> {
        self.file
            .expect
            .iter()
            .flat_map(|expectation| &expectation.tests)
            .filter(|pattern| !tests.iter().any(|test| fits(pattern, test)))
            .map(String::as_str)
            .collect()
    }

    /// The tests that have no reason yet.
    pub fn unexplained(&self) -> usize {
        self.file
            .expect
            .iter()
            .filter(|expectation| expectation.reason.trim().is_empty())
            .map(|expectation| expectation.tests.len())
            .sum()
    }

    fn refuse_doubles(&self) -> Result<()> {
        let mut seen = std::collections::HashSet::new();
        for pattern in self.file.expect.iter().flat_map(|one| &one.tests) {
            ensure!(
                seen.insert(pattern),
                "{} names `{pattern}` twice",
                self.path.display()
            );
        }
        Ok(())
    }
}

/// Whether a test's name fits a pattern, in which `*` stands for anything.
pub fn fits(pattern: &str, test: &str) -> bool {
    pattern == test || pattern.contains('*') && WildMatch::new(pattern).matches(test)
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

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    host::parse_duration(&text)
        .map(Some)
        .map_err(serde::de::Error::custom)
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
