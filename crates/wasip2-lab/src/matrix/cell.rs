//! A cell: one row, as released or patched, in one setting; and what became
//! of it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whether the crates are as they were released.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Variant {
    Upstream,
    Patched,
}

impl Variant {
    /// Both, in the order in which they are shown.
    pub const ALL: [Variant; 2] = [Variant::Upstream, Variant::Patched];
}

impl fmt::Display for Variant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(formatter)
    }
}

/// What can become of a cell.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Outcome {
    /// It did its real job.
    #[serde(rename = "passes")]
    Passes,
    /// It panicked, returned an error, or some of its tests are not as expected.
    #[serde(rename = "fails")]
    Fails,
    /// The host stopped it for what it did.
    #[serde(rename = "traps")]
    Traps,
    /// It did not end in its time, and was stopped.
    #[serde(rename = "hangs")]
    Hangs,
    #[serde(rename = "does not build")]
    DoesNotBuild,
    /// Nobody knows. It is neither right nor wrong.
    #[serde(rename = "not run")]
    NotRun,
}

impl Outcome {
    /// All, the best first.
    pub const ALL: [Outcome; 6] = [
        Outcome::Passes,
        Outcome::Fails,
        Outcome::Traps,
        Outcome::Hangs,
        Outcome::DoesNotBuild,
        Outcome::NotRun,
    ];

    /// A sign for it that needs no colour.
    pub fn sign(self) -> &'static str {
        match self {
            Outcome::Passes => "✓",
            Outcome::Fails => "✗",
            Outcome::Traps => "⚡",
            Outcome::Hangs => "∞",
            Outcome::DoesNotBuild => "⚒",
            Outcome::NotRun => "–",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(formatter)
    }
}

/// What is expected of a cell, and why that is not success.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    pub outcome: Outcome,
    pub reason: String,
}

/// How many of its parts were a success.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    pub passed: u64,
    /// Of how many, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
}

/// A cell and what became of it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Cell {
    pub row: String,
    pub variant: Variant,
    pub setting: String,
    pub outcome: Outcome,
    pub expected: Outcome,
    /// Why it did not succeed: what the plan says, or why it was not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The first error that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// What reproduces it.
    pub command: String,
    /// The commands that it ran itself, one after the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<String>,
    pub seconds: f64,
}

impl Cell {
    /// Its name: `tokio-postgres/patched/async`.
    pub fn name(&self) -> String {
        name(&self.row, self.variant, &self.setting)
    }

    /// Whether it is neither better nor worse than was expected. What was not
    /// run is not a surprise: it is counted separately.
    pub fn as_expected(&self) -> bool {
        self.outcome == self.expected || self.outcome == Outcome::NotRun
    }
}

/// The name of a cell.
pub fn name(row: &str, variant: Variant, setting: &str) -> String {
    format!("{row}/{variant}/{setting}")
}
