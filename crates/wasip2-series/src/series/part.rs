//! How far a series is meant to go upstream.
//!
//! A series that is long enough to need it is in three parts, one after the
//! other: what maintainers can take as it is, each patch by itself or with the
//! one before it; what puts a question to them first; and what is kept for
//! users alone. So whoever wants no more than what upstream may have one day
//! leaves off the end.

use std::fmt;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

/// The part of its series that a patch is in, in their order.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize, ValueEnum)]
pub enum Part {
    /// What maintainers can take as it is
    #[value(name = "A")]
    A,
    /// What puts a question to them first, and what comes before
    #[value(name = "B")]
    B,
    /// What is kept for users alone, and what comes before: all patches
    #[serde(rename = "local")]
    #[value(name = "local")]
    Local,
}

impl Part {
    /// What ends the names of directories of series that go no further than this.
    pub(super) fn ending(self) -> &'static str {
        match self {
            Part::A => "-a",
            Part::B => "-upstreamable",
            Part::Local => "",
        }
    }

    /// The part that a series goes to whose directory has this name.
    pub fn of_directory(name: &str) -> Part {
        [Part::A, Part::B]
            .into_iter()
            .find(|part| name.ends_with(part.ending()))
            .unwrap_or(Part::Local)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Part::A => "A",
            Part::B => "B",
            Part::Local => "local",
        })
    }
}

/// How much of each series is taken.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct PartArgs {
    /// Take each series up to this part of it only
    #[arg(long, value_enum, value_name = "PART")]
    pub parts: Option<Part>,
    /// Leave out the patches that are kept for users alone: `--parts B`
    #[arg(long, conflicts_with = "parts")]
    pub upstreamable: bool,
}

impl PartArgs {
    /// The part to go to, if the command line says so.
    pub fn last(self) -> Option<Part> {
        match self.upstreamable {
            true => Some(Part::B),
            false => self.parts,
        }
    }

    /// The part to go to: all of each series where nothing is said.
    pub fn or_all(self) -> Part {
        self.last().unwrap_or(Part::Local)
    }
}
