//! The host in this program: wasmtime, with wasmtime-wasi's interfaces.

use anyhow::{Context, Result, bail};
use wasmtime::{Store, Trap};

use wasip2_ground::{Console, Home};

use super::Host;
use crate::arguments::{HostArgs, Mode, ServeArgs};
use crate::cache::Cache;
use crate::end::{TIMED_OUT, TRAPPED};
use crate::wasi::p2::command::Command;
use crate::wasi::p2::denial::Denials;
use crate::wasi::p2::guest::{Guest, Streams};
use crate::{component, engine, serve, timeout, trap};

/// It.
pub struct Builtin;

impl Host for Builtin {
    fn run(&self, arguments: &HostArgs, home: &Home, console: &Console) -> Result<u8> {
        let wasm = component::read(arguments.component())?;
        let proposals = component::proposals(&wasm);
        if proposals.threads && arguments.mode == Mode::Sync {
            bail!(
                "{} has threads (`cargo wasip2 init --threads`), and they need a host that waits \
                 on an event loop: leave `--mode sync` out",
                arguments.component().display()
            );
        }
        let engine = engine::new(proposals, arguments.timeout.is_some())?;
        let cache_directory = home.directory("cache")?;
        let cache = Cache::new(&cache_directory);
        let cache = (!arguments.no_cache).then_some(&cache);
        let component = component::compile(&engine, &wasm, arguments.component(), cache)?;
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
