//! What the host counts while it serves.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use anyhow::{Context, Result};
use serde::Serialize;
use wasip2_ground::files::write_whole;

use crate::wasi::p2::statistics as one_guest;

/// Counters of one server.
#[derive(Debug, Default, Serialize)]
pub struct Statistics {
    /// Requests that reached a guest.
    pub requests: AtomicU64,
    /// Instances that were made.
    pub instances: AtomicU64,
    /// Requests that ended by a trap.
    pub traps: AtomicU64,
    /// Requests that were given up for their time limit.
    pub time_limits: AtomicU64,
    /// Clients that were given up because they kept the server waiting.
    pub slow_clients: AtomicU64,
    /// Calls of `wasi:io/poll.poll`, for all requests.
    pub polls: AtomicU64,
    /// Pollables in all those calls.
    pub pollables: AtomicU64,
    /// Calls of `wasi:io/poll.pollable.block`.
    pub blocks: AtomicU64,
    /// The most resources that an instance had after a request; after its last
    /// one, if it had several at once.
    pub resources: AtomicUsize,
    /// The most tasks, streams, futures and sets of WASI 0.3 that an instance had
    /// after its last request.
    pub waitables: AtomicUsize,
    /// The most requests that an instance had at once.
    pub at_once: AtomicUsize,
    /// The most requests that an instance has answered.
    pub an_instance: AtomicU64,
}

impl Statistics {
    /// Adds up what an instance's host counted for a request.
    pub fn note_calls(&self, counted: &one_guest::Statistics) {
        self.polls.fetch_add(counted.polls, Ordering::Relaxed);
        self.pollables
            .fetch_add(counted.pollables, Ordering::Relaxed);
        self.blocks.fetch_add(counted.blocks, Ordering::Relaxed);
    }

    /// Counts that an instance has `now` requests, and has had `all`.
    pub fn note_at_once(&self, now: usize, all: u64) {
        self.at_once.fetch_max(now, Ordering::Relaxed);
        self.an_instance.fetch_max(all, Ordering::Relaxed);
    }

    /// Counts what of WASI 0.3 an instance has after its last request.
    pub fn note_waitables(&self, number: usize) {
        self.waitables.fetch_max(number, Ordering::Relaxed);
    }

    /// Counts the resources that an instance has after a request.
    pub fn note_resources(&self, number: usize) {
        self.resources.fetch_max(number, Ordering::Relaxed);
    }
}

/// Writes those of the component that is served, and of those that it sends to,
/// by their names, to `path`, as JSON.
pub fn write(path: &Path, own: &Statistics, routes: BTreeMap<&str, &Statistics>) -> Result<()> {
    #[derive(Serialize)]
    struct All<'a> {
        #[serde(flatten)]
        own: &'a Statistics,
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        routes: BTreeMap<&'a str, &'a Statistics>,
    }
    let text = serde_json::to_string(&All { own, routes })?;
    write_whole(path, (text + "\n").as_bytes()).context("the statistics could not be written")
}
