//! How wasm is compiled and run.

use std::num::NonZeroUsize;

use anyhow::{Context, Result};
use wasmtime::{Config, Engine, OptLevel, RegallocAlgorithm, WasmBacktraceDetails};

/// How many of the innermost calls a trap's report can have. wasmtime's default
/// of 20 is little more than a panic in an async function takes by itself.
const BACKTRACE: usize = 100;

/// Makes an engine whose guests can be stopped while they compute, if
/// `interruptible`.
///
/// Everything else is as wasmtime has it by default (optimised code, 4 GiB of
/// reserved addresses for a memory, so that no access needs a bounds check):
/// what is measured here is what a user's own host does.
pub fn new(interruptible: bool) -> Result<Engine> {
    let mut config = Config::new();
    // The names and lines in a trap's report.
    config.wasm_backtrace_details(WasmBacktraceDetails::Enable);
    config.wasm_backtrace_max_frames(NonZeroUsize::new(BACKTRACE));
    // Every loop and call then checks the epoch, which costs: only who sets a
    // timeout pays.
    config.epoch_interruption(interruptible);
    Engine::new(&config)
        .map_err(anyhow::Error::from)
        .context("wasmtime does not run on this machine")
}

/// Makes an engine for many components each of which runs for a moment only:
/// compiling takes a fraction of the time, and the code is slower. Its guests
/// can be stopped while they compute.
pub fn quick() -> Result<Engine> {
    let mut config = Config::new();
    config.wasm_backtrace_details(WasmBacktraceDetails::Disable);
    config.epoch_interruption(true);
    config.cranelift_opt_level(OptLevel::None);
    config.cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
    Engine::new(&config)
        .map_err(anyhow::Error::from)
        .context("wasmtime does not run on this machine")
}
