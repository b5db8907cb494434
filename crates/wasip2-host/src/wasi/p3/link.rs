//! What a component of WASI 0.3 can import here.

use wasmtime::component::{Component, InstancePre};
use wasmtime::error::Context;
use wasmtime::{Engine, Result, bail};

use super::gate;
use crate::arguments::Mode;
use crate::rights::Rights;
use crate::wasi::p2::guest::Guest;
use crate::wasi::p2::link::linker;

/// Links `component` to everything this host has.
pub fn link(engine: &Engine, component: &Component, rights: &Rights) -> Result<InstancePre<Guest>> {
    if rights.stand_ins.clock.is_some() {
        bail!(
            "it is for WASI 0.3, where the host's timers are the system's: leave `--clock` out, or \
             build it for 0.2 (`cargo wasip2 init --wasi 0.2`)"
        );
    }
    let mut linker = linker(engine, Mode::Async, rights)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    gate::add_to_linker(&mut linker, rights)?;
    linker.instantiate_pre(component).context(
        "it needs an interface that this host does not have (it has those of `wasi:cli/command` \
         0.2 and 0.3, `wasi:http/proxy` 0.2 and `wasi:http/service` 0.3)",
    )
}
