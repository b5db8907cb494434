//! Links a component to this host and calls it.

use std::time::{Duration, Instant};

use wasmtime::component::{Component, InstancePre};
use wasmtime::error::Context;
use wasmtime::{Engine, Result, Store, Trap, UpdateDeadline};
use wasmtime_wasi::I32Exit;
use wasmtime_wasi::p2::bindings;

use super::guest::Guest;
use super::statistics::Statistics;
use super::{event_loop, link};
use crate::arguments::Mode;
use crate::rights::Rights;
use crate::timeout;

/// How a guest ended.
pub struct Ended {
    /// Its exit code, or its trap.
    pub result: Result<u8>,
    /// What was counted.
    pub statistics: Statistics,
}

/// A component that is linked to this host and ready to be called.
#[derive(Clone)]
pub enum Command {
    Async(bindings::CommandPre<Guest>),
    Sync(bindings::sync::CommandPre<Guest>),
}

impl Command {
    /// Links `component` to everything this host has.
    pub fn link(
        engine: &Engine,
        component: &Component,
        mode: Mode,
        rights: &Rights,
    ) -> Result<Command> {
        let instance = link::link(engine, component, mode, rights)?;
        Command::of(instance, mode).context(
            "it is not a command, because it does not export `wasi:cli/run`: is it a library, or a \
             `wasi:http` server for `cargo wasip2 serve`?",
        )
    }

    fn of(instance: InstancePre<Guest>, mode: Mode) -> Result<Command> {
        Ok(match mode {
            Mode::Async => Command::Async(bindings::CommandPre::new(instance)?),
            Mode::Sync => Command::Sync(bindings::sync::CommandPre::new(instance)?),
        })
    }

    /// Calls it, to its end.
    pub fn call(self, mut store: Store<Guest>) -> Result<Ended> {
        // Reached when a time limit is over; not looked at without one.
        store.set_epoch_deadline(1);
        let (result, mut store) = match self {
            Command::Async(command) => event_loop::run(async move {
                let result = async {
                    let command = command.instantiate_async(&mut store).await?;
                    command.wasi_cli_run().call_run(&mut store).await
                };
                (result.await, store)
            })?,
            Command::Sync(command) => {
                let result = command
                    .instantiate(&mut store)
                    .and_then(|command| command.wasi_cli_run().call_run(&mut store));
                (result, store)
            }
        };
        let guest = store.data_mut();
        guest.statistics.resources = guest.table.iter_mut().count();
        Ok(Ended {
            result: exit_code(result),
            statistics: guest.statistics,
        })
    }
}

impl Command {
    /// Calls it for so long and no longer.
    pub fn call_within(
        self,
        limit: Duration,
        mut store: Store<Guest>,
    ) -> Result<Option<Result<u8>>> {
        store.set_epoch_deadline(1);
        match self {
            Command::Async(command) => {
                store.epoch_deadline_async_yield_and_update(1);
                event_loop::run(async move {
                    let call = async {
                        let command = command.instantiate_async(&mut store).await?;
                        command.wasi_cli_run().call_run(&mut store).await
                    };
                    let result = tokio::time::timeout(limit, call).await;
                    result.ok().map(exit_code)
                })
            }
            Command::Sync(command) => {
                let end = Instant::now() + limit;
                store.epoch_deadline_callback(move |_| {
                    if Instant::now() < end {
                        Ok(UpdateDeadline::Continue(1))
                    } else {
                        Err(Trap::Interrupt.into())
                    }
                });
                let result = timeout::wait(limit, move || {
                    let command = command.instantiate(&mut store)?;
                    command.wasi_cli_run().call_run(&mut store)
                });
                Ok(match result {
                    Some(Err(error)) if error.downcast_ref() == Some(&Trap::Interrupt) => None,
                    result => result.map(exit_code),
                })
            }
        }
    }
}

/// The exit code that a call of `wasi:cli/run` amounts to.
///
/// `process::exit(7)` comes out as 1 from a guest whose wasi-libc is older
/// than August 2026, Rust 1.95's among them: its `_Exit` calls
/// `wasi:cli/exit.exit`, which only tells success from failure. A guest that
/// calls `exit-with-code` (WASI 0.2.12) gets its own code.
/// <https://github.com/WebAssembly/wasi-libc/issues/859>
pub fn exit_code(result: Result<Result<(), ()>>) -> Result<u8> {
    match result {
        Ok(Ok(())) => Ok(0),
        Ok(Err(())) => Ok(1),
        Err(error) => match error.downcast_ref() {
            Some(&I32Exit(code)) => Ok(u8::try_from(code).unwrap_or(u8::MAX)),
            None => Err(error),
        },
    }
}
