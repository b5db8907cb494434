//! Waits for tasks that outlive their response.

use std::future::poll_fn;
use std::io;
use std::time::Duration;

use tokio::runtime::RuntimeMetrics;
use wasip2::clocks::monotonic_clock::{now, subscribe_duration};

use crate::reactor::{Reactor, Waiter};
use crate::tokio::Tokio;

/// How often tasks get a turn before this begins to wait.
const TURNS: usize = 16;
/// The first wait between two looks, and the longest, in nanoseconds.
const FIRST: u64 = 100_000;
const LONGEST: u64 = 20_000_000;

/// Waits until there are at most `number` tasks, but no longer than `limit`.
///
/// A runtime tells how many tasks there are, but not when one ends, so this
/// looks every now and then. The response is sent by then, and no client
/// waits.
pub(super) async fn linger(metrics: &RuntimeMetrics, number: usize, limit: Duration) {
    let over = || metrics.num_alive_tasks() <= number;
    for _ in 0..TURNS {
        if over() {
            return;
        }
        tokio::task::yield_now().await;
    }
    let end = now().saturating_add(u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX));
    let mut wait = FIRST;
    while !over() {
        let left = end.saturating_sub(now());
        if left == 0 || sleep(wait.min(left)).await.is_err() {
            return;
        }
        wait = (wait * 2).min(LONGEST);
    }
}

/// The runtime may have been built without its timers.
async fn sleep(nanoseconds: u64) -> io::Result<()> {
    let mut wait = Tokio.register(subscribe_duration(nanoseconds))?;
    poll_fn(|cx| wait.poll_ready(cx)).await
}
