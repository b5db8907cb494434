//! What is known of an entry of the survey.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::matrix::cell::Variant;

/// What came of checking one entry in one variant.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Found {
    pub name: String,
    /// The release, if one was resolved.
    pub version: Option<String>,
    pub variant: Variant,
    pub outcome: Outcome,
    /// The first error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The crates that did not build, as name and version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at_fault: Vec<String>,
    /// Those of its graph that `doctor` calls broken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub named: Vec<String>,
    pub seconds: f64,
    /// A digest of what it follows from.
    #[serde(default)]
    pub follows: String,
}

/// How it ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Builds,
    DoesNotBuild,
    /// No release of it suits this Rust, or what it needs is not to be had.
    DoesNotResolve,
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Outcome::Builds => "builds",
            Outcome::DoesNotBuild => "does not build",
            Outcome::DoesNotResolve => "does not resolve",
        })
    }
}

impl fmt::Display for Found {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.version.as_deref().unwrap_or("?");
        write!(
            formatter,
            "{} {version}/{}: {}",
            self.name, self.variant, self.outcome
        )?;
        if !self.at_fault.is_empty() {
            write!(formatter, " ({})", self.at_fault.join(", "))?;
        }
        write!(formatter, ", {:.0} s", self.seconds)
    }
}
