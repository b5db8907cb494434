//! What a component can import here.

use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::error::Context;
use wasmtime::{Engine, Result};
use wasmtime_wasi::p2;

use super::gate;
use super::guest::Guest;
use crate::arguments::Mode;
use crate::rights::Rights;

/// Links `component` to everything this host has.
pub fn link(
    engine: &Engine,
    component: &Component,
    mode: Mode,
    rights: &Rights,
) -> Result<InstancePre<Guest>> {
    linker(engine, mode, rights)?
        .instantiate_pre(component)
        .context(
            "it needs an interface that this host does not have (it has those of \
             `wasi:cli/command` 0.2 and of `wasi:http/proxy` 0.2)",
        )
}

/// Everything this host has.
pub fn linker(engine: &Engine, mode: Mode, rights: &Rights) -> Result<Linker<Guest>> {
    let mut linker: Linker<Guest> = Linker::new(engine);
    match mode {
        Mode::Async => {
            p2::add_to_linker_async(&mut linker)?;
            wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
        }
        Mode::Sync => {
            p2::add_to_linker_sync(&mut linker)?;
            wasmtime_wasi_http::p2::add_only_http_to_linker_sync(&mut linker)?;
        }
    }
    gate::add_to_linker(&mut linker, mode, rights)?;
    Ok(linker)
}
