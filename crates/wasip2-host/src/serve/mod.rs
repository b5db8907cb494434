//! Serves HTTP in this program's own host.
//!
//! Ctrl-C ends it: no new request is taken, those that are being answered have
//! [`GRACE`](server::GRACE) to end. A second Ctrl-C ends it at once. What follows the URL on
//! standard output is the guests' own.

mod body;
mod clients;
mod exchange;
mod instances;
mod server;
mod statistics;

use std::time::Duration;

use anyhow::{Context, Result};

use wasip2_ground::{Console, Home};

use crate::arguments::ServeArgs;
use crate::cache::Cache;
use crate::engine::Size;
use crate::interfaces::Interfaces;
use crate::wasi::p2::denial::Denials;
use crate::{component, engine};

use clients::{Clients, Limits};
use instances::Instances;
use server::Server;

/// How often a guest that computes takes a turn with the event loop.
const TURN: Duration = Duration::from_millis(10);

/// Serves until Ctrl-C.
pub fn run(arguments: &ServeArgs, home: &Home, console: &Console) -> Result<u8> {
    let path = arguments.component();
    let cannot = || format!("{} cannot serve", path.display());
    let wasm = component::read(path)?;
    Interfaces::of(&wasm).for_serving().with_context(cannot)?;
    let proposals = component::proposals(&wasm);
    let cache = match arguments.no_cache {
        true => None,
        false => Cache::open(home, &arguments.rights),
    };
    let compiled = |size| -> Result<_> {
        let most = arguments.limits.max_instances();
        let (engine, set_aside) = engine::serving(proposals, most, size)?;
        let component = component::compile(&engine, &wasm, path, cache.as_ref())?;
        Ok((engine, component, set_aside))
    };
    let size = Size::OF_A_PROGRAM;
    let mut served = compiled(size)?;
    // Only once it is compiled it is known what it takes.
    if let Some(size) = size.short_of(&served.1) {
        served = compiled(size)?;
    }
    let (engine, component, set_aside) = served;
    if !set_aside {
        console.warn(format!(
            "this process cannot have the addresses that the memory of {} instances takes, so each \
             gets its own when it begins, and answers more slowly: allow it more (`ulimit -v`), or \
             have fewer with `--max-instances`",
            arguments.limits.max_instances()
        ));
    }
    let denials = Denials::default();
    let instances = Instances::new(&engine, &component, path, arguments, denials.clone())
        .with_context(cannot)?;
    // It ends with the process.
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(TURN);
            engine.increment_epoch();
        }
    });
    let clients = Clients::new(Limits {
        head: arguments.limits.header_timeout(),
        stall: arguments.limits.stall_timeout(),
        connections: arguments.limits.max_connections(),
    });
    allow_descriptors();
    let instances = Server::bind(arguments.addr, instances, clients, *console)?.run()?;
    denials.tell(console);
    if let Some(path) = &arguments.statistics {
        instances.statistics.write(path)?;
    }
    Ok(0)
}

/// Has the system give this process as many descriptors as it may have: shells
/// begin with 1,024.
fn allow_descriptors() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let _ = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: maximum,
                maximum,
            },
        );
    }
}
