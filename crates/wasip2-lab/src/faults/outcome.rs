//! What came of a setting.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::setting::Setting;

/// What a client says of a batch of exchanges.
#[derive(Debug, Default, Deserialize)]
pub struct Batch {
    pub right: u64,
    pub refused: u64,
    pub failed: BTreeMap<String, u64>,
    pub wrong: Vec<String>,
    pub longest_ms: u64,
    pub pages: u64,
}

/// All that came of a setting.
#[derive(Debug, Serialize)]
pub struct Outcome {
    pub setting: Setting,
    pub seed: u64,
    /// The exchanges, by their end.
    pub right: u64,
    pub refused: u64,
    pub failed: BTreeMap<String, u64>,
    /// Those of a client with which nothing goes wrong, beside the others.
    pub healthy: u64,
    /// The longest that one took with which nothing went wrong.
    pub longest_ms: u64,
    /// Connections by the fault that they met.
    pub faults: BTreeMap<&'static str, u64>,
    pub seconds: f64,
    /// Of the process with the component, when it was warm and at the end.
    pub descriptors: Ends<usize>,
    /// The same, in KiB.
    pub memory: Ends<u64>,
    /// The guest's memory in pages of 64 KiB, likewise.
    pub pages: Ends<u64>,
    /// The resources that the host had at the end of a run of some exchanges,
    /// and of this one.
    pub resources: Ends<u64>,
    /// Whatever should not be so.
    pub wrong: Vec<String>,
}

/// A figure at the beginning and at the end, where there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Ends<T> {
    pub before: Option<T>,
    pub after: Option<T>,
}

impl Outcome {
    /// None yet.
    pub fn new(setting: Setting, seed: u64) -> Outcome {
        Outcome {
            setting,
            seed,
            right: 0,
            refused: 0,
            failed: BTreeMap::new(),
            healthy: 0,
            longest_ms: 0,
            faults: BTreeMap::new(),
            seconds: 0.0,
            descriptors: Ends::default(),
            memory: Ends::default(),
            pages: Ends::default(),
            resources: Ends::default(),
            wrong: Vec::new(),
        }
    }

    /// Adds what a client says.
    pub fn add(&mut self, batch: Batch) {
        self.right += batch.right;
        self.refused += batch.refused;
        for (kind, number) in batch.failed {
            *self.failed.entry(kind).or_default() += number;
        }
        self.longest_ms = self.longest_ms.max(batch.longest_ms);
        self.wrong.extend(batch.wrong);
    }

    /// Notes as wrong that something has grown by more than `slack`.
    pub fn compare(&mut self) {
        let mut grown = Vec::new();
        let mut flat = |what: &str, before: Option<u64>, after: Option<u64>, slack: u64| {
            if let (Some(before), Some(after)) = (before, after)
                && after > before + slack
            {
                grown.push(format!("{what} have grown from {before} to {after}"));
            }
        };
        let wide = |number: Option<usize>| number.map(|number| number as u64);
        let Ends { before, after } = self.descriptors;
        flat("open descriptors", wide(before), wide(after), 2);
        let Ends { before, after } = self.resources;
        // Who writes an error for the first time opens standard error, which
        // stays: a stream, and what waits for it.
        flat("the host's resources", before, after, 2);
        // What allocators keep depends on when things ended.
        let Ends { before, after } = self.pages;
        flat("the pages of the guest's memory", before, after, 16);
        let Ends { before, after } = self.memory;
        flat("the KiB of the process's memory", before, after, 64 << 10);
        self.wrong.extend(grown);
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let failed: u64 = self.failed.values().sum();
        let all = self.right + self.refused + failed;
        write!(
            formatter,
            "{}: {all} exchanges in {:.0} s: {} right, {} refused, {failed} failed, {} wrong",
            self.setting,
            self.seconds,
            self.right,
            self.refused,
            self.wrong.len()
        )?;
        if self.healthy > 0 {
            write!(formatter, "; {} beside them right", self.healthy)?;
        }
        write!(
            formatter,
            "\n  descriptors {}, resources {}, guest's pages {}, KiB in use {}; what nothing \
             happened to took {} ms at most",
            self.descriptors, self.resources, self.pages, self.memory, self.longest_ms
        )
    }
}

impl<T: fmt::Display> fmt::Display for Ends<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(formatter, "{before} → {after}"),
            _ => write!(formatter, "unknown"),
        }
    }
}
