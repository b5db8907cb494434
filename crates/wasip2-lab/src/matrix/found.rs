//! What was found out about a cell.

use super::cell::{Counts, Outcome};

/// What was found out about a cell.
#[derive(Debug)]
pub struct Found {
    pub outcome: Outcome,
    pub error: Option<String>,
    /// Why it was not run.
    pub reason: Option<String>,
    pub counts: Option<Counts>,
    pub steps: Vec<String>,
}

impl Found {
    /// Nothing but what it came to.
    pub fn new(outcome: Outcome) -> Found {
        Found {
            outcome,
            error: None,
            reason: None,
            counts: None,
            steps: Vec::new(),
        }
    }

    /// Nobody could find out, for this reason.
    pub fn not_run(reason: impl Into<String>) -> Found {
        let mut found = Found::new(Outcome::NotRun);
        found.reason = Some(reason.into());
        found
    }

    /// With the first error.
    pub fn error(mut self, error: impl Into<String>) -> Found {
        self.error = Some(error.into());
        self
    }

    /// It came to that instead.
    pub fn fail(&mut self, outcome: Outcome, error: String) {
        self.outcome = outcome;
        self.error = Some(error);
    }
}
