//! The host in this program: wasmtime, with wasmtime-wasi's interfaces.

use std::path::Path;

use anyhow::{Context, Result};
use wasmtime::{Store, Trap};

use crate::console::Console;

use super::cache::Cache;
use super::command::Command;
use super::denial::Denials;
use super::guest::{Guest, Streams};
use super::{HostArgs, TIMED_OUT, TRAPPED, component, engine, timeout, trap};

/// Runs a component to its end and gives back the exit code.
pub fn run(arguments: &HostArgs, cache_directory: &Path, console: &Console) -> Result<u8> {
    let engine = engine::new(arguments.timeout.is_some())?;
    let cache = Cache::new(cache_directory);
    let cache = (!arguments.no_cache).then_some(&cache);
    let component = component::load(&engine, arguments.component(), cache)?;
    let command = Command::link(&engine, &component, arguments.mode, &arguments.rights)
        .map_err(anyhow::Error::from)
        .with_context(|| format!("{} cannot run here", arguments.component().display()))?;

    let denials = Denials::default();
    let guest = Guest::new(
        &arguments.argv()?,
        Streams::Inherited,
        &arguments.rights,
        denials.clone(),
    )?;
    let store = Store::new(&engine, guest);
    let ended = match arguments.timeout {
        None => Some(command.call(store)?),
        Some(limit) => timeout::call(limit, &engine, || command.call(store)).transpose()?,
    };

    let statistics = ended.as_ref().map(|ended| ended.statistics);
    let result = ended.map(|ended| ended.result);
    let code = match (result, arguments.timeout) {
        (None, Some(limit)) => {
            trap::report_waiting(limit, console);
            TIMED_OUT
        }
        (Some(Err(error)), Some(limit)) if error.downcast_ref() == Some(&Trap::Interrupt) => {
            trap::report_computing(limit, &error, console);
            TIMED_OUT
        }
        (Some(Err(error)), _) => {
            trap::report(&error, console);
            TRAPPED
        }
        (Some(Ok(code)), _) => code,
        (None, None) => unreachable!("only a time limit gives a guest up"),
    };
    denials.tell(console);
    if let (Some(path), Some(statistics)) = (&arguments.statistics, statistics) {
        statistics.write(path)?;
    }
    Ok(code)
}
