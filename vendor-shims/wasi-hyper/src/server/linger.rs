//! Waits for tasks that outlive their response.

use std::future::poll_fn;
use std::io;
use std::time::{Duration, Instant};

use tokio::runtime::RuntimeMetrics;
use wasip2::clocks::monotonic_clock::subscribe_duration;

use crate::reactor::{Reactor, Waiter};
use crate::tokio::Tokio;

/// How often tasks get a turn before this begins to wait.
const TURNS: usize = 16;
/// The first wait between two looks, and the longest.
const FIRST: Duration = Duration::from_micros(100);
const LONGEST: Duration = Duration::from_millis(20);

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
    // The clock of std is imported already.
    let begun = Instant::now();
    let mut wait = FIRST;
    // For a clock that stands still, as it does before a component is
    // pre-initialised.
    let mut waited = Duration::ZERO;
    while !over() {
        let left = limit.saturating_sub(begun.elapsed().max(waited));
        if left.is_zero() || sleep(wait.min(left)).await.is_err() {
            return;
        }
        waited += wait.min(left);
        wait = (wait * 2).min(LONGEST);
    }
}

/// The runtime may have been built without its timers.
async fn sleep(time: Duration) -> io::Result<()> {
    let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let mut wait = Tokio.register(subscribe_duration(nanoseconds))?;
    poll_fn(|cx| wait.poll_ready(cx)).await
}
