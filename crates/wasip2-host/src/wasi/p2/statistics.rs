//! What the host counts while a guest runs.
//!
//! A guest cannot see how often it asks its host to wait, nor what it forgot
//! to drop; tests and benchmarks read it here.

use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use wasip2_ground::files::write_whole;

/// Counters of one run.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub struct Statistics {
    /// Calls of `wasi:io/poll.poll`.
    pub polls: u64,
    /// Pollables in all those calls.
    pub pollables: u64,
    /// Calls of `wasi:io/poll.pollable.block`.
    pub blocks: u64,
    /// Resources that were alive when the guest ended.
    pub resources: usize,
    /// Tasks, streams, futures and sets of WASI 0.3 that were alive then.
    #[serde(default)]
    pub waitables: usize,
}

impl Statistics {
    /// Counts one `wasi:io/poll.poll`.
    pub fn count_poll(&mut self, pollables: usize) {
        self.polls += 1;
        self.pollables += pollables as u64;
    }

    /// Writes them to `path`, as JSON.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string(self)?;
        write_whole(path, (text + "\n").as_bytes()).context("the statistics could not be written")
    }
}
