//! Random numbers, and whether any were drawn.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rand_core::{Rng, TryRng};
use wasmtime_wasi::thread_rng;

/// Whether random numbers were drawn.
#[derive(Clone, Debug, Default)]
pub struct Drawn(Arc<AtomicBool>);

impl Drawn {
    /// Whether they were, so far.
    pub fn is_any(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The system's random numbers, for one guest.
pub struct RecordingRng(pub Drawn);

impl RecordingRng {
    fn rng(&self) -> impl Rng {
        self.0.0.store(true, Ordering::Relaxed);
        thread_rng()
    }
}

impl TryRng for RecordingRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.rng().next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.rng().next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.rng().fill_bytes(bytes);
        Ok(())
    }
}
