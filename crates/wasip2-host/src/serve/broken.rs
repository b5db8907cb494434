//! Whether a guest was ended before it had ended what it sends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a guest was ended before it had ended a body.
///
/// To wasmtime-wasi-http, an outgoing body that goes away with its store has
/// ended, and what was sent so far would look like a whole one.
#[derive(Clone, Debug, Default)]
pub struct Broken(Arc<AtomicBool>);

impl Broken {
    /// To be told before the guest's resources are dropped.
    pub fn tell(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether it was told.
    pub fn is_told(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
