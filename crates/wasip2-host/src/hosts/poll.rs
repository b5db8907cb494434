//! The host in this program that has no event loop: `wasip2-host-poll`, which
//! waits with poll(2) on the guest's own thread.

use std::sync::Arc;

use anyhow::{Context, Result, bail};

use wasip2_ground::{Console, Home, Wasi};
use wasip2_host_poll::{Denied, Program, World};

use super::Host;
use crate::arguments::{HostArgs, ServeArgs};
use crate::cache::Cache;
use crate::interfaces::Interfaces;
use crate::wasi::p2::denial::{Denials, Right};
use crate::{component, engine, timeout, trap};

/// It.
pub struct Poll;

impl Host for Poll {
    fn run(&self, arguments: &HostArgs, home: &Home, console: &Console) -> Result<u8> {
        if arguments.statistics.is_some() {
            bail!("`--host poll` has no `--statistics`; use `--host builtin`");
        }
        arguments.rights.stand_ins.refuse("`--host poll`")?;
        let path = arguments.component();
        let cannot = || format!("{} cannot run here", path.display());
        let wasm = component::read(path)?;
        let interfaces = Interfaces::of(&wasm);
        if interfaces.wasi().with_context(cannot)? == Wasi::P3 {
            bail!(
                "{} is for WASI 0.3, and `--host poll` has 0.2 alone; use `--host builtin`",
                path.display()
            );
        }
        if interfaces.has_http() {
            bail!(
                "{} has its host do HTTP (`wasi:http`), and `--host poll` has no HTTP: have it \
                 send over sockets (`reqwest::ClientBuilder::with_sockets`), or use \
                 `--host builtin`",
                path.display()
            );
        }
        let proposals = component::proposals(&wasm);
        if proposals.threads {
            bail!(
                "{} has threads (`cargo wasip2 init --threads`), and they need a host that waits \
                 on an event loop: use `--host builtin`",
                path.display()
            );
        }
        let engine = engine::new(proposals, arguments.interruptible(), Wasi::P2)?;
        let cache = match arguments.no_cache {
            true => None,
            false => Cache::open(home, &arguments.rights),
        };
        let component = component::compile(&engine, &wasm, path, cache.as_ref())?;
        let program = Program::link(&engine, &component)
            .map_err(anyhow::Error::from)
            .context(
                "it needs an interface that this host does not have (it has those of \
                 `wasi:cli/command` 0.2)",
            )
            .with_context(cannot)?;
        let denials = Denials::default();
        let world = world(arguments, &denials)?;
        let ended = match arguments.timeout {
            None => Some(program.run(&engine, world)),
            Some(limit) => {
                let own = engine.clone();
                timeout::call(limit, &engine, move || program.run(&own, world))
            }
        };
        let code = trap::code(ended, arguments.timeout, console);
        denials.tell(console);
        Ok(code)
    }

    fn serve(&self, _: &ServeArgs, _: &Home, _: &Console) -> Result<u8> {
        bail!(
            "`--host poll` has no HTTP, and serves nothing; run a program that listens on a \
             socket, or leave `--host` out"
        )
    }

    fn missing(&self, _: &Home, _: &Console) -> Option<String> {
        None
    }

    fn install(&self, _: &Home, _: &Console) -> Result<String> {
        Ok("Wasmtime in this program, on poll(2)".to_owned())
    }
}

/// What the guest is given.
fn world(arguments: &HostArgs, denials: &Denials) -> Result<World> {
    let rights = &arguments.rights;
    let denials = denials.clone();
    let directories = rights.directories.iter();
    Ok(World {
        arguments: arguments.argv()?,
        environment: rights.environment(),
        directories: directories
            .map(|directory| (directory.host.clone(), directory.guest.clone()))
            .collect(),
        network: rights.network,
        name_lookup: rights.name_lookup,
        on_denial: Some(Arc::new(move |denied| match denied {
            Denied::Network(what) => denials.note(Right::Network, || what),
            Denied::NameLookup(name) => {
                denials.note(Right::NameLookup, || format!("the lookup of `{name}`"));
            }
        })),
    })
}
