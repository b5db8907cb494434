//! A directory for each version of WASI that this program's own host has, and
//! what calls a component of either.

pub mod p2;
pub mod p3;

use std::time::Duration;

use wasip2_ground::Wasi;
use wasmtime::component::Component;
use wasmtime::{Engine, Result, Store, bail};

use crate::arguments::Mode;
use crate::rights::Rights;

use p2::command::Ended;
use p2::guest::Guest;

/// A component that is linked to this host and ready to be called.
#[derive(Clone)]
pub enum Command {
    P2(p2::command::Command),
    P3(p3::command::Command),
}

impl Command {
    /// Links `component`, which is for that version of WASI, to everything this
    /// host has.
    pub fn link(
        engine: &Engine,
        component: &Component,
        wasi: Wasi,
        mode: Mode,
        rights: &Rights,
    ) -> Result<Command> {
        Ok(match (wasi, mode) {
            (Wasi::P2, mode) => {
                Command::P2(p2::command::Command::link(engine, component, mode, rights)?)
            }
            (Wasi::P3, Mode::Async) => {
                Command::P3(p3::command::Command::link(engine, component, rights)?)
            }
            (Wasi::P3, Mode::Sync) => bail!(
                "it is for WASI 0.3, where every host waits on an event loop: leave `--mode sync` \
                 out"
            ),
        })
    }

    /// Calls it, to its end.
    pub fn call(self, store: Store<Guest>) -> Result<Ended> {
        match self {
            Command::P2(command) => command.call(store),
            Command::P3(command) => command.call(store),
        }
    }

    /// Calls it, and gives it up when `limit` is over: then there is no
    /// result. Somebody has to move the engine's epoch on, or a guest that
    /// computes is not given up before it waits.
    ///
    /// A guest that waits in a synchronous host cannot be reached: it is left
    /// where it is, on a thread of its own.
    pub fn call_within(self, limit: Duration, store: Store<Guest>) -> Result<Option<Result<u8>>> {
        match self {
            Command::P2(command) => command.call_within(limit, store),
            Command::P3(command) => command.call_within(limit, store),
        }
    }
}
