//! What takes bytes from outside, and what must hold whatever those are.
//!
//! Each module has a function of bytes that panics where something is wrong.
//! `fuzz_targets/` has cargo-fuzz draw the bytes, which `.ci/fuzz` runs; the
//! tests of this repository go through those in `corpus/`.

pub mod config;
#[cfg(feature = "host")]
pub mod flags;
#[cfg(feature = "host")]
pub mod http;
pub mod lock;
pub mod patch;
pub mod reports;
pub mod series;
