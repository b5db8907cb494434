//! Serves HTTP in this program's own host.
//!
//! Ctrl-C ends it: no new request is taken, those that are being answered have
//! [`GRACE`](server::GRACE) to end. A second Ctrl-C ends it at once. What follows the URL on
//! standard output is the guests' own.

mod body;
mod exchange;
mod instances;
mod server;
mod statistics;

use std::time::Duration;

use anyhow::{Context, Result};

use wasip2_ground::{Console, Home};

use crate::arguments::ServeArgs;
use crate::cache::Cache;
use crate::wasi::p2::denial::Denials;
use crate::{component, engine};

use instances::{Instances, MOST};
use server::Server;

/// How often a guest that computes takes a turn with the event loop, where
/// there is a time limit.
const TURN: Duration = Duration::from_millis(10);

/// Serves until Ctrl-C.
pub fn run(arguments: &ServeArgs, home: &Home, console: &Console) -> Result<u8> {
    let path = arguments.component();
    let wasm = component::read(path)?;
    let proposals = component::proposals(&wasm);
    let engine = engine::serving(proposals, arguments.timeout.is_some(), MOST)?;
    let cache_directory = home.directory("cache")?;
    let cache = Cache::new(&cache_directory);
    let cache = (!arguments.no_cache).then_some(&cache);
    let component = component::compile(&engine, &wasm, path, cache)?;
    let denials = Denials::default();
    let instances = Instances::new(&engine, &component, path, arguments, denials.clone())
        .with_context(|| format!("{} cannot serve", path.display()))?;
    if arguments.timeout.is_some() {
        // It ends with the process.
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(TURN);
                engine.increment_epoch();
            }
        });
    }
    let instances = Server::bind(arguments.addr, instances, *console)?.run()?;
    denials.tell(console);
    if let Some(path) = &arguments.statistics {
        instances.statistics.write(path)?;
    }
    Ok(0)
}
