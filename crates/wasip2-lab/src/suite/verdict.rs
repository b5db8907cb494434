//! What happened beside what was expected.

use std::collections::{BTreeMap, BTreeSet};

use super::build::Built;
use super::definition::{IGNORED, Outcomes, PASSES};
use super::linux::LinuxTests;
use super::outcome::{Outcome, Trial};
use super::stage::{Place, passes};
use super::trial::Plan;

/// A test and what became of it.
#[derive(Debug)]
pub struct Verdict<'a> {
    pub name: &'a str,
    /// Whether the released crate runs it on Linux.
    pub linux: bool,
    pub outcome: Outcome,
    pub expected: &'a Outcomes,
    /// Why it is not expected to pass, or not always.
    pub reason: Option<&'a str>,
    /// Why it did not pass, where it ran.
    pub message: Option<&'a str>,
    pub seconds: f64,
}

/// Every test that is known.
#[derive(Debug)]
pub struct Verdicts<'a> {
    /// In the order of their names.
    pub tests: Vec<Verdict<'a>>,
    /// Names and patterns of the suite's file that fit no test.
    pub stale: Vec<&'a str>,
}

impl Verdict<'_> {
    /// Whether it is as expected.
    pub fn expected(&self) -> bool {
        self.expected.admit(self.outcome)
    }
}

impl<'a> Verdicts<'a> {
    /// Compares what happened, and what did not, with what is expected.
    pub fn of(
        plan: &Plan<'a>,
        linux: &'a LinuxTests,
        trials: &'a [Trial],
        built: &Built,
    ) -> Verdicts<'a> {
        let seen: BTreeMap<&str, &Trial> = trials
            .iter()
            .map(|trial| (trial.name.as_str(), trial))
            .collect();
        let mut names: BTreeSet<&str> = seen.keys().copied().collect();
        names.extend(linux.names().filter(|name| passes(plan.filter, name)));
        let mut tests: Vec<Verdict> = names
            .into_iter()
            .map(|name| {
                let trial = seen.get(name);
                let outcome = trial.map_or(Outcome::Absent, |trial| trial.outcome);
                let linux = linux.has(name);
                let (expected, reason) = match plan.place {
                    // A test that Linux does not run either needs no reason.
                    _ if outcome == Outcome::Ignored && !linux => (&IGNORED, None),
                    Place::Component if plan.judged => {
                        let expected = plan.definition.expected(name);
                        (expected.outcome, expected.reason)
                    }
                    _ => (&PASSES, None),
                };
                Verdict {
                    name,
                    linux,
                    outcome,
                    expected,
                    reason,
                    message: trial.and_then(|trial| trial.message.as_deref()),
                    seconds: trial.map_or(0.0, |trial| trial.seconds),
                }
            })
            .collect();
        tests.sort_by_key(|test| test.name);
        let judged = plan.place == Place::Component && plan.judged && plan.filter.is_empty();
        let stale = if judged && built.failed.is_empty() {
            let names: Vec<&str> = tests.iter().map(|test| test.name).collect();
            plan.definition.stale(&names)
        } else {
            Vec::new()
        };
        Verdicts { tests, stale }
    }

    /// How many tests that Linux runs came out as `outcome`; or, where
    /// `linux` is false, how many of the others.
    pub fn count(&self, linux: bool, outcome: Outcome) -> usize {
        self.tests
            .iter()
            .filter(|test| test.linux == linux && test.outcome == outcome)
            .count()
    }

    /// The tests that are not as expected.
    pub fn surprises(&self) -> impl Iterator<Item = &Verdict<'a>> {
        self.tests.iter().filter(|test| !test.expected())
    }
}
