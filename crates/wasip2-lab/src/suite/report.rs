//! Says what became of a suite: to a person, and as JSON.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use super::definition::{Definition, Outcomes, PASSES};
use super::linux::LinuxTests;
use super::outcome::Outcome;
use super::stage::{Place, Stage};
use super::verdict::Verdicts;
use wasip2_ground::files::write_whole;
use wasip2_ground::{Console, Wasi};
use wasip2_host::Mode;
use wasip2_toolchain::Panic;

/// How one run of a suite ended.
pub struct Report<'a> {
    pub stage: &'a Stage,
    pub place: Place,
    /// The wasi-libc that was linked; none is the toolchain's.
    pub libc: Option<&'a str>,
    /// How the host's functions waited.
    pub mode: Mode,
    pub linux: &'a LinuxTests,
    pub filter: &'a [String],
    /// The targets that did not build.
    pub unbuilt: &'a [String],
    pub verdicts: Verdicts<'a>,
    pub definition: &'a Definition,
    pub seconds: f64,
}

/// The report, for `--json`.
#[derive(Serialize)]
struct Json<'a> {
    #[serde(rename = "crate")]
    krate: &'a str,
    version: String,
    /// How many patches are applied to the crate itself.
    patches: Option<usize>,
    /// Whether it is, like all that it depends on, as it was released.
    upstream: bool,
    place: &'static str,
    /// Not there where it is the toolchain's.
    #[serde(skip_serializing_if = "Option::is_none")]
    libc: Option<&'a str>,
    /// Not there natively.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<Mode>,
    /// What a panic does.
    panic: Panic,
    /// Not there natively.
    #[serde(skip_serializing_if = "Option::is_none")]
    wasi: Option<Wasi>,
    filter: &'a [String],
    seconds: f64,
    /// How many tests the release runs on Linux.
    linux: usize,
    /// Of these, what became of how many.
    counts: BTreeMap<Outcome, usize>,
    /// What became of how many tests that Linux does not run.
    others: BTreeMap<Outcome, usize>,
    /// How many tests are not as expected.
    surprises: usize,
    stale: &'a [&'a str],
    unbuilt: &'a [String],
    tests: Vec<JsonTest<'a>>,
}

/// One test.
#[derive(Serialize)]
struct JsonTest<'a> {
    name: &'a str,
    linux: bool,
    outcome: Outcome,
    /// Not there where nothing is expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'a Outcomes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    seconds: f64,
}

impl Report<'_> {
    /// Whether anything was expected.
    fn judged(&self) -> bool {
        self.place == Place::Native || self.stage.judged
    }

    /// Where the tests ran, with what is not as it is by default.
    fn describe_place(&self) -> String {
        let mut place = self.place.name().to_owned();
        if let Some(libc) = self.libc {
            place.push_str(&format!(", wasi-libc {libc}"));
        }
        if self.mode == Mode::Sync {
            place.push_str(", synchronous host");
        }
        place.push_str(&self.definition.described_way());
        place
    }

    /// Writes it to `path`.
    pub fn write_json(&self, path: &Path) -> Result<()> {
        let counts = |linux| {
            Outcome::OTHERS
                .iter()
                .chain([&Outcome::Passes])
                .map(|outcome| (*outcome, self.verdicts.count(linux, *outcome)))
                .filter(|(_, count)| *count > 0)
                .collect()
        };
        let json = Json {
            krate: &self.stage.release.name,
            version: self.stage.release.version.to_string(),
            patches: self.stage.patches,
            upstream: self.stage.upstream,
            place: self.place.name(),
            libc: self.libc,
            mode: (self.place == Place::Component).then_some(self.mode),
            panic: match self.place {
                Place::Component => self.definition.way.panic,
                Place::Native => Panic::Unwind,
            },
            wasi: (self.place == Place::Component).then_some(self.definition.way.wasi),
            filter: self.filter,
            seconds: self.seconds,
            linux: self.linux.len(),
            counts: counts(true),
            others: counts(false),
            surprises: match self.judged() {
                true => self.verdicts.surprises().count(),
                false => 0,
            },
            stale: &self.verdicts.stale,
            unbuilt: self.unbuilt,
            tests: self
                .verdicts
                .tests
                .iter()
                .map(|test| JsonTest {
                    name: test.name,
                    linux: test.linux,
                    outcome: test.outcome,
                    expected: self.judged().then_some(test.expected),
                    reason: test.reason,
                    message: test.message,
                    seconds: test.seconds,
                })
                .collect(),
        };
        let text = serde_json::to_string_pretty(&json)? + "\n";
        write_whole(path, text.as_bytes()).context("the report could not be written")
    }

    /// Prints the summary. It goes to standard output, being the result.
    pub fn print(&self) {
        // Who closes standard output does not want to read it.
        let _ = self.write_summary(&mut std::io::stdout().lock());
    }

    fn write_summary(&self, to: &mut impl Write) -> std::io::Result<()> {
        let verdicts = &self.verdicts;
        let passed = verdicts.count(true, Outcome::Passes);
        let of = match self.filter {
            [] => self.linux.len(),
            _ => verdicts.tests.iter().filter(|test| test.linux).count(),
        };
        writeln!(
            to,
            "{} on {}: {passed} of the {of} tests that Linux runs pass",
            self.stage.describe(),
            self.describe_place()
        )?;
        if let (Some(upstream), true, []) = (
            self.definition.upstream_passes(),
            self.place == Place::Component
                && !self.stage.upstream
                && self.definition.way.panic == Panic::Abort
                && self.definition.way.wasi == Wasi::P2,
            self.filter,
        ) {
            writeln!(to, "  as released: {upstream}")?;
        }
        let others = verdicts.count(false, Outcome::Passes);
        if others > 0 {
            writeln!(to, "  {others} more pass that Linux does not run")?;
        }
        let varying = verdicts.tests.iter().filter(|test| test.expected.vary());
        let (passing, varying): (Vec<_>, Vec<_>) =
            varying.partition(|test| test.outcome == Outcome::Passes);
        if passing.len() + varying.len() > 0 {
            writeln!(
                to,
                "  {} of those that pass, and {} of the others, may end otherwise the next time",
                passing.len(),
                varying.len()
            )?;
        }
        for outcome in Outcome::OTHERS {
            let count = verdicts.count(true, outcome);
            if count == 0 {
                continue;
            }
            writeln!(to, "{count:>5} {outcome}")?;
            let mut reasons = BTreeMap::new();
            for test in verdicts.tests.iter().filter(|test| test.linux) {
                if test.outcome == outcome && test.expected() {
                    *reasons.entry(test.reason.unwrap_or_default()).or_insert(0) += 1;
                }
            }
            let mut reasons: Vec<(&str, usize)> = reasons.into_iter().collect();
            reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            for (reason, count) in reasons {
                let reason = if reason.is_empty() {
                    "(no reason yet)"
                } else {
                    reason
                };
                writeln!(to, "      {count:>5} {reason}")?;
            }
        }
        Ok(())
    }

    /// Says what is not as expected; gives back the exit code.
    pub fn tell_surprises(&self, console: &Console) -> u8 {
        let mut surprises = 0;
        for test in self.verdicts.surprises() {
            surprises += 1;
            let mut line = match (test.outcome, test.expected) {
                (Outcome::Passes, expected) => format!(
                    "{} passes, and was expected otherwise ({expected}: {})",
                    test.name,
                    test.reason.unwrap_or_default()
                ),
                (outcome, expected) if *expected == PASSES => {
                    format!("{} {}", test.name, verb(outcome))
                }
                (outcome, expected) => format!(
                    "{} {}, and something else was expected ({expected}: {})",
                    test.name,
                    verb(outcome),
                    test.reason.unwrap_or_default()
                ),
            };
            if let Some(message) = test.message {
                line.push_str(&format!("\n  {message}"));
            }
            console.error(line);
        }
        for pattern in &self.verdicts.stale {
            console.error(format!(
                "`{pattern}` in {} fits no test: take it out",
                self.definition.path.display()
            ));
        }
        let unexplained = match self.judged() && self.place == Place::Component {
            true => self.definition.unexplained(),
            false => 0,
        };
        if unexplained > 0 {
            console.error(format!(
                "{unexplained} lines of {} have no reason: give one",
                self.definition.path.display()
            ));
        }
        if surprises > 0 && self.place == Place::Component {
            console.error(format!(
                "{surprises} tests are not as {} expects; `cargo wasip2 suite {}{}{} --update` \
                 writes down what happens, for you to give the reasons",
                self.definition.path.display(),
                self.stage.release.name,
                match self.definition.way.panic {
                    Panic::Abort => "",
                    Panic::Unwind => " --panic unwind",
                },
                match self.definition.way.wasi {
                    Wasi::P2 => "",
                    Wasi::P3 => " --wasi 0.3",
                }
            ));
        }
        u8::from(surprises + self.verdicts.stale.len() + unexplained > 0)
    }
}

fn verb(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passes => "passes",
        Outcome::Fails => "fails",
        Outcome::Aborts => "aborts",
        Outcome::Hangs => "does not end",
        Outcome::Ignored => "is ignored",
        Outcome::Absent => "is not there",
    }
}
