//! What can become of a test.

use std::fmt;

use serde::{Deserialize, Serialize};

use wasip2_host::{End, first_panic};

/// What became of a test.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It ran and succeeded.
    Passes,
    /// It panicked or returned an error.
    Fails,
    /// It ended without a panic: an abort, or a trap in the host.
    Aborts,
    /// It did not end in its time.
    Hangs,
    /// It is marked as one not to run here, or the test harness does not run
    /// it: `#[should_panic]` where a panic cannot be caught.
    Ignored,
    /// It is not in the program.
    Absent,
}

/// A test that was tried.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Its name: `time_sleep::immediate_sleep`.
    pub name: String,
    pub outcome: Outcome,
    /// Why it did not pass.
    pub message: Option<String>,
    pub seconds: f64,
}

impl Outcome {
    /// Every outcome but success, in the order of a summary.
    pub const OTHERS: [Outcome; 5] = [
        Outcome::Fails,
        Outcome::Aborts,
        Outcome::Hangs,
        Outcome::Ignored,
        Outcome::Absent,
    ];

    /// What a run of the test harness with one test's name says of that test.
    pub fn of(end: &End, output: &str) -> Outcome {
        match end {
            End::TimeLimit => Outcome::Hangs,
            // The last line of the harness, which a test's own output may
            // stand before, on the same line.
            End::Exit(0) if output.contains("test result: ok. 1 passed") => Outcome::Passes,
            End::Exit(0) if output.contains("0 failed; 1 ignored") => Outcome::Ignored,
            End::Exit(0) if output.contains("running 0 tests") => Outcome::Absent,
            End::Exit(_) => Outcome::Fails,
            End::Trap(_) if first_panic(output).is_some() => Outcome::Fails,
            End::Trap(_) => Outcome::Aborts,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Outcome::Passes => "passes",
            Outcome::Fails => "fails",
            Outcome::Aborts => "aborts",
            Outcome::Hangs => "hangs",
            Outcome::Ignored => "ignored",
            Outcome::Absent => "absent",
        })
    }
}

/// Why a test did not pass, in a line: its panic, or what the host said.
pub fn message(end: &End, output: &str) -> Option<String> {
    end.reason(output).or_else(|| match end {
        End::Exit(0) => Some("it ended the program".to_owned()),
        End::Exit(code) => Some(format!("exit code {code}")),
        End::Trap(_) | End::TimeLimit => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_harness_is_understood() {
        let of = |end: End, output: &str| Outcome::of(&end, output);
        let ok = |counts: &str| format!("noisetest result: ok. {counts} filtered out");
        assert_eq!(
            of(End::Exit(0), &ok("1 passed; 0 failed; 0 ignored;")),
            Outcome::Passes
        );
        assert_eq!(
            of(End::Exit(0), &ok("0 passed; 0 failed; 1 ignored;")),
            Outcome::Ignored
        );
        assert_eq!(of(End::Exit(0), "running 0 tests\n"), Outcome::Absent);
        // `process::exit(0)` in a test is no success.
        assert_eq!(of(End::Exit(0), "running 1 test"), Outcome::Fails);
        assert_eq!(of(End::Exit(1), "Error: x"), Outcome::Fails);
        let trap = || End::Trap("unreachable".to_owned());
        let panic = "thread 'main' (1) panicked at tests/a.rs:1:2:\nno";
        assert_eq!(of(trap(), panic), Outcome::Fails);
        assert_eq!(message(&trap(), panic).unwrap(), "no (tests/a.rs:1:2)");
        assert_eq!(of(trap(), ""), Outcome::Aborts);
        assert_eq!(message(&trap(), "").unwrap(), "unreachable");
    }
}
