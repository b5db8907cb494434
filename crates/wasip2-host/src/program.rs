//! A component that is run many times, each time as an instance of its own.
//!
//! Unlike [`run`](crate::run()), this keeps what a guest writes and gives a time
//! limit back as a result. With an asynchronous host it leaves nothing running:
//! a guest that computes takes turns with the host's event loop, and one that is
//! given up is dropped wherever it is.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use wasmtime::{Engine, Store};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;

use crate::arguments::Mode;
use crate::cache::Cache;
use crate::end::End;
use crate::rights::Rights;
use crate::wasi::p2::command::Command;
use crate::wasi::p2::denial::Denials;
use crate::wasi::p2::guest::{Guest, Streams};
use crate::{component, engine, trap};

/// How often a guest that computes takes a turn with the event loop.
const TURN: Duration = Duration::from_millis(20);

/// How much of a guest's output is kept; writing more is an error for it.
const OUTPUT: usize = 4 << 20;

/// Loads programs and gives those that compute their turns.
pub struct Loader {
    engine: Engine,
    mode: Mode,
    /// Set when no more turns are needed.
    ended: Arc<AtomicBool>,
    /// Counts the turns.
    clock: Option<JoinHandle<()>>,
}

/// A component that is ready to be run.
#[derive(Clone)]
pub struct Program {
    engine: Engine,
    command: Command,
}

impl Loader {
    /// A loader with an engine of its own, whose programs' host waits as `mode`
    /// says.
    pub fn new(mode: Mode) -> Result<Loader> {
        let engine = engine::quick()?;
        let ended = Arc::new(AtomicBool::new(false));
        let clock = std::thread::spawn({
            let (engine, ended) = (engine.clone(), ended.clone());
            move || {
                while !ended.load(Ordering::Relaxed) {
                    std::thread::sleep(TURN);
                    engine.increment_epoch();
                }
            }
        });
        Ok(Loader {
            engine,
            mode,
            ended,
            clock: Some(clock),
        })
    }

    /// What compiles and runs.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Loads the component at `path`; its compiled code is kept in `cache`.
    pub fn load(&self, path: &Path, cache: &Path, rights: &Rights) -> Result<Program> {
        let wasm = component::read(path)?;
        let component = component::compile(&self.engine, &wasm, path, Some(&Cache::new(cache)))?;
        let command = Command::link(&self.engine, &component, self.mode, rights)
            .map_err(anyhow::Error::from)
            .with_context(|| format!("{} cannot run here", path.display()))?;
        Ok(Program {
            engine: self.engine.clone(),
            command,
        })
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(clock) = self.clock.take() {
            let _ = clock.join();
        }
    }
}

impl Program {
    /// Runs a new instance with the arguments `argv`, the first of which is
    /// its own name, for at most `limit`. Gives back how it ended and what it
    /// wrote to both of its output streams.
    ///
    /// # Errors
    ///
    /// Where it could not be started.
    pub fn run(&self, argv: &[String], rights: &Rights, limit: Duration) -> Result<(End, String)> {
        let output = MemoryOutputPipe::new(OUTPUT);
        let streams = Streams::Kept(output.clone());
        let guest = Guest::new(argv, streams, rights, Denials::default())?;
        let store = Store::new(&self.engine, guest);
        let end = match self.command.clone().call_within(limit, store)? {
            None => End::TimeLimit,
            Some(Ok(code)) => End::Exit(code),
            Some(Err(error)) => End::Trap(trap::reason(&error)),
        };
        let output = String::from_utf8_lossy(&output.contents()).into_owned();
        Ok((end, output))
    }
}
