//! The host in this program: wasmtime, with wasmtime-wasi's interfaces.

use anyhow::{Context, Result, bail};
use wasmtime::Store;

use wasip2_ground::{Console, Home, Wasi};

use super::Host;
use crate::arguments::{HostArgs, Mode, ServeArgs};
use crate::cache::Cache;
use crate::interfaces::Interfaces;
use crate::wasi::Command;
use crate::wasi::p2::denial::Denials;
use crate::wasi::p2::guest::{Guest, Streams};
use crate::{component, engine, serve, timeout, trap};

/// What is said of a program that is built for WASI 0.3, and waits through 0.2.
const STALL: &str = "the guest waits through WASI 0.2 (`wasi:io/poll`), as `std::thread::sleep` \
                     does; until that wait is over nothing else in it goes on: use Tokio's `sleep`, \
                     or what else waits through WASI 0.3";

/// It.
pub struct Builtin;

impl Host for Builtin {
    fn run(&self, arguments: &HostArgs, home: &Home, console: &Console) -> Result<u8> {
        let path = arguments.component();
        let cannot = || format!("{} cannot run here", path.display());
        let wasm = component::read(path)?;
        let wasi = Interfaces::of(&wasm).wasi().with_context(cannot)?;
        let proposals = component::proposals(&wasm);
        if proposals.threads && arguments.mode == Mode::Sync {
            bail!(
                "{} has threads (`cargo wasip2 init --threads`), and they need a host that waits \
                 on an event loop: leave `--mode sync` out",
                path.display()
            );
        }
        let engine = engine::new(proposals, arguments.interruptible(), wasi)?;
        let cache = match arguments.no_cache {
            true => None,
            false => Cache::open(home, &arguments.rights),
        };
        let component = component::compile(&engine, &wasm, path, cache.as_ref())?;
        let command = Command::link(&engine, &component, wasi, arguments.mode, &arguments.rights)
            .map_err(anyhow::Error::from)
            .with_context(cannot)?;

        let denials = Denials::default();
        let mut guest = Guest::new(
            &arguments.argv()?,
            Streams::Inherited,
            &arguments.rights,
            denials.clone(),
        )?;
        if wasi == Wasi::P3 {
            let console = *console;
            guest.on_stall = Some(Box::new(move || console.warn(STALL)));
        }
        let store = Store::new(&engine, guest);
        let ended = match arguments.timeout {
            None => Some(command.call(store)?),
            Some(limit) => timeout::call(limit, &engine, || command.call(store)).transpose()?,
        };

        let statistics = ended.as_ref().map(|ended| ended.statistics);
        let result = ended.map(|ended| ended.result);
        let code = trap::code(result, arguments.timeout, console);
        denials.tell(console);
        if let (Some(path), Some(statistics)) = (&arguments.statistics, statistics) {
            statistics.write(path)?;
        }
        Ok(code)
    }

    fn serve(&self, arguments: &ServeArgs, home: &Home, console: &Console) -> Result<u8> {
        serve::run(arguments, home, console)
    }

    fn missing(&self, _: &Home, _: &Console) -> Option<String> {
        None
    }

    fn install(&self, _: &Home, _: &Console) -> Result<String> {
        Ok("Wasmtime in this program".to_owned())
    }
}
