//! Serves HTTP in this program's own host.
//!
//! Ctrl-C ends it: no new request is taken, those that are being answered have
//! [`GRACE`](server::GRACE) to end. A second Ctrl-C ends it at once. What follows the URL on
//! standard output is the guests' own.

mod body;
mod broken;
mod call;
mod chain;
mod clients;
mod exchange;
mod instances;
mod permits;
mod routed;
mod server;
mod shared;
mod statistics;
mod transmission;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use wasmtime::Engine;
use wasmtime::component::Component;

use wasip2_ground::{Console, Home, Wasi};

use crate::arguments::ServeArgs;
use crate::cache::Cache;
use crate::engine::{Proposals, Size};
use crate::interfaces::Interfaces;
use crate::wasi::p2::denial::Denials;
use crate::{component, engine};

use chain::Chain;
use clients::{Clients, Limits};
use instances::Instances;
use server::Server;

/// How often a guest that computes takes a turn with the event loop.
const TURN: Duration = Duration::from_millis(10);

/// Serves until Ctrl-C.
pub fn run(arguments: &ServeArgs, home: &Home, console: &Console) -> Result<u8> {
    let routed = arguments.routes.in_order()?;
    let main = Served::read(arguments.component())?;
    let others = (routed.iter())
        .map(|routed| Served::read(&routed.route.file))
        .collect::<Result<Vec<_>>>()?;
    // Where compiled components are kept, no guest may write.
    let mut rights = arguments.rights.clone();
    let directories = routed.iter().flat_map(|routed| &routed.rights.directories);
    rights.directories.extend(directories.cloned());
    let cache = match arguments.no_cache {
        true => None,
        false => Cache::open(home, &rights),
    };
    let served: Vec<&Served> = others.iter().chain([&main]).collect();
    let most = arguments.limits.max_instances();
    let interruptible = arguments.interruptible.unwrap_or(true);
    let (engine, mut components) = compile(&served, most, interruptible, cache.as_ref(), console)?;
    let component = components.pop().context("one is served")?;
    let clients = Arc::new(Clients::new(Limits {
        head: arguments.limits.header_timeout(),
        stall: arguments.limits.stall_timeout(),
        connections: arguments.limits.max_connections(),
    }));
    let mut chain = Chain::new(&routed, clients.clone(), *console);
    for ((routed, served), component) in routed.iter().zip(&others).zip(&components) {
        let name: Arc<str> = routed.route.name.as_str().into();
        let denials = Denials::of(name.clone());
        let instances = Instances::new(
            &engine,
            component,
            served,
            arguments,
            &routed.rights,
            chain.inside(Some(name), &routed.reaches),
            denials.clone(),
        )
        .with_context(|| served.cannot())?;
        chain.add(&routed.route.name, instances, denials);
    }
    let denials = Denials::default();
    let all: Vec<String> = routed
        .iter()
        .map(|routed| routed.route.name.clone())
        .collect();
    let instances = Instances::new(
        &engine,
        &component,
        &main,
        arguments,
        &arguments.rights,
        chain.inside(None, &all),
        denials.clone(),
    )
    .with_context(|| main.cannot())?;
    // It ends with the process.
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(TURN);
            engine.increment_epoch();
        }
    });
    allow_descriptors();
    let others = chain.instances();
    let server = Server::bind(arguments.addr, instances, others, clients, *console)?;
    let instances = server.run()?;
    denials.tell(console);
    chain.tell(console);
    if let Some(path) = &arguments.statistics {
        statistics::write(path, &instances.statistics, chain.statistics())?;
    }
    Ok(0)
}

/// An engine with room for `most` instances of each of those that are `served`,
/// and them compiled for it.
fn compile(
    served: &[&Served],
    most: u32,
    interruptible: bool,
    cache: Option<&Cache>,
    console: &Console,
) -> Result<(Engine, Vec<Component>)> {
    let threads = served.iter().any(|served| served.proposals().threads);
    let shared = served.iter().any(|served| served.wasi == Wasi::P3);
    let wasi = if shared { Wasi::P3 } else { Wasi::P2 };
    let number = u32::try_from(served.len()).unwrap_or(u32::MAX);
    let with_room = |size| -> Result<_> {
        let (engine, set_aside) = engine::serving(
            Proposals { threads },
            interruptible,
            wasi,
            most.saturating_mul(number),
            size,
        )?;
        let components = served
            .iter()
            .map(|served| component::compile(&engine, &served.wasm, served.path, cache))
            .collect::<Result<Vec<_>>>()?;
        Ok((engine, components, set_aside))
    };
    let mut made = with_room(Size::OF_A_PROGRAM)?;
    // Only once it is compiled it is known what a component takes.
    let components = made.1.iter();
    let size = components.fold(Size::OF_A_PROGRAM, |size, component| {
        size.short_of(component).unwrap_or(size)
    });
    if size != Size::OF_A_PROGRAM {
        made = with_room(size)?;
    }
    let (engine, components, set_aside) = made;
    if !set_aside {
        console.warn(format!(
            "this process cannot have the addresses that the memory of {most} instances takes, so \
             each gets its own when it begins, and answers more slowly: allow it more (`ulimit \
             -v`), or have fewer with `--max-instances`"
        ));
    }
    Ok((engine, components))
}

/// A component that can serve.
struct Served<'a> {
    path: &'a Path,
    wasm: Vec<u8>,
    /// The version of WASI that it is for.
    wasi: Wasi,
}

impl Served<'_> {
    fn read(path: &Path) -> Result<Served<'_>> {
        let wasm = component::read(path)?;
        let mut served = Served {
            path,
            wasi: Wasi::P2,
            wasm,
        };
        let wasi = Interfaces::of(&served.wasm).for_serving();
        served.wasi = wasi.with_context(|| served.cannot())?;
        Ok(served)
    }

    fn proposals(&self) -> Proposals {
        component::proposals(&self.wasm)
    }

    fn cannot(&self) -> String {
        format!("{} cannot serve", self.path.display())
    }
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
