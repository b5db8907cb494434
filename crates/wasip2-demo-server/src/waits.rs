//! How many requests wait at the same time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How many requests wait for their answer.
#[derive(Debug, Default)]
pub struct Waits {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Waits {
    /// The most that ever waited at the same time.
    pub fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    /// Waits, and counts it.
    pub(crate) async fn wait(&self, time: Duration) {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep(time).await;
        self.now.fetch_sub(1, Ordering::SeqCst);
    }
}
