//! The clock of the instance whose memory is kept.

use wasmtime_wasi::HostMonotonicClock;

/// A clock that stands still where the clocks of later instances begin, or
/// before.
///
/// What was 2 s old by its own clock would be in the future of an instance
/// whose clock begins at 0, as wasmtime's do: Tokio, which never goes back,
/// would take every timer that ends within these 2 s for ended.
#[derive(Debug)]
pub struct Still;

impl HostMonotonicClock for Still {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        0
    }
}

/// How time is for an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// It stands still: see [`Still`].
    Still,
    Passing,
}
