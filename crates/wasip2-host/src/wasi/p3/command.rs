//! Calls a component of WASI 0.3.

use std::time::Duration;

use wasmtime::component::{Component, ComponentExportIndex, InstancePre};
use wasmtime::error::Context;
use wasmtime::{Engine, Result, Store};

use super::link;
use crate::rights::Rights;
use crate::wasi::p2::command::{Ended, exit_code};
use crate::wasi::p2::event_loop;
use crate::wasi::p2::guest::Guest;

/// What is called, the first of these that a component exports. One that has
/// 0.2's alone can be called, but may not wait through 0.3.
const RUN: [&str; 2] = ["wasi:cli/run@0.3.0", "wasi:cli/run@0.2.0"];

/// A component that is linked to this host and ready to be called.
#[derive(Clone)]
pub struct Command {
    instance: InstancePre<Guest>,
    run: ComponentExportIndex,
}

impl Command {
    /// Links `component` to everything this host has.
    pub fn link(engine: &Engine, component: &Component, rights: &Rights) -> Result<Command> {
        let instance = link::link(engine, component, rights)?;
        let run = RUN.iter().find_map(|interface| {
            let interface = component.get_export_index(None, *interface)?;
            component.get_export_index(Some(&interface), "run")
        });
        let run = run.context(
            "it is not a command, because it does not export `wasi:cli/run`: is it a library, or a \
             `wasi:http` server?",
        )?;
        Ok(Command { instance, run })
    }

    /// Calls it, to its end.
    pub fn call(self, mut store: Store<Guest>) -> Result<Ended> {
        // Reached when a time limit is over; not looked at without one.
        store.set_epoch_deadline(1);
        let (result, mut store) = event_loop::run(async move {
            let result = self.run(&mut store).await;
            (result, store)
        })?;
        let waitables = store.concurrent_state_table_size();
        let guest = store.data_mut();
        guest.statistics.resources = guest.table.iter_mut().count();
        guest.statistics.waitables = waitables;
        Ok(Ended {
            result: exit_code(result),
            statistics: guest.statistics,
        })
    }

    /// Calls it for so long and no longer.
    pub fn call_within(
        self,
        limit: Duration,
        mut store: Store<Guest>,
    ) -> Result<Option<Result<u8>>> {
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        event_loop::run(async move {
            let result = tokio::time::timeout(limit, self.run(&mut store)).await;
            result.ok().map(exit_code)
        })
    }

    async fn run(&self, store: &mut Store<Guest>) -> Result<Result<(), ()>> {
        let instance = self.instance.instantiate_async(&mut *store).await?;
        let run = instance.get_typed_func::<(), (Result<(), ()>,)>(&mut *store, &self.run)?;
        // Unlike wasmtime's `run_concurrent`, this ends with a trap where
        // nothing is left that could wake the guest.
        let (result,) = run.call_async(store, ()).await?;
        Ok(result)
    }
}
