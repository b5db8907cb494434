//! A program waits through one version of WASI, and imports no other's waits.

use std::io;
use std::path::{Path, PathBuf};

use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::p2::pipe::{MemoryInputPipe, MemoryOutputPipe};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::http_client::interfaces;
use crate::tool::{assert_says, component};

/// Every function of WASI 0.2 that waits for something.
const WAITS: [(&str, &[&str]); 2] = [
    ("wasi:io/poll@0.2.12", &["poll", "[method]pollable.block"]),
    (
        "wasi:io/streams@0.2.12",
        &[
            "[method]input-stream.blocking-read",
            "[method]input-stream.blocking-skip",
            "[method]output-stream.blocking-write-and-flush",
            "[method]output-stream.blocking-flush",
            "[method]output-stream.blocking-write-zeroes-and-flush",
            "[method]output-stream.blocking-splice",
        ],
    ),
];

struct Guest {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// Runs a component for WASI 0.3 in a host where each of [`WAITS`] is a trap, and
/// gives back what it printed.
fn run(component: &Path) -> wasmtime::Result<String> {
    let mut config = Config::new();
    config.wasm_component_model_async(true);
    let engine = Engine::new(&config)?;
    let mut linker = Linker::<Guest>::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    linker.allow_shadowing(true);
    for (interface, functions) in WAITS {
        let mut interface = linker.instance(interface)?;
        for function in functions {
            interface.func_new(function, move |_, _, _, _| {
                Err(wasmtime::Error::msg(format!("it waits by {function}")))
            })?;
        }
    }
    let component = Component::from_file(&engine, component)?;
    let stdout = MemoryOutputPipe::new(1 << 20);
    let mut wasi = WasiCtx::builder();
    wasi.stdin(MemoryInputPipe::new("typed"))
        .stdout(stdout.clone())
        .allow_tcp(true)
        .allow_udp(true)
        .inherit_network()
        .allow_ip_name_lookup(true);
    let guest = Guest {
        wasi: wasi.build(),
        table: ResourceTable::new(),
    };
    let mut store = Store::new(&engine, guest);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let instance = linker.instantiate_async(&mut store, &component).await?;
        let run = instance
            .get_export_index(&mut store, None, "wasi:cli/run@0.3.0")
            .and_then(|run| instance.get_export_index(&mut store, Some(&run), "run"))
            .ok_or_else(|| io::Error::other("it is not for WASI 0.3"))?;
        let run = instance.get_typed_func::<(), (Result<(), ()>,)>(&mut store, run)?;
        let (ended,) = run.call_async(&mut store, ()).await?;
        ended.map_err(|()| wasmtime::Error::msg("it failed"))
    })?;
    Ok(String::from_utf8_lossy(&stdout.contents()).into_owned())
}

fn newer(name: &str) -> PathBuf {
    component("run", name, &["--wasi", "0.3"])
}

#[test]
fn a_build_for_0_3_calls_nothing_of_0_2_that_waits() {
    let said = run(&newer("at_once")).unwrap();
    assert_eq!(said, "Ok((4194304, 4, true, (), 5))\n");
    // That host has no such function for whoever calls one.
    let refused = format!("{:#}", run(&newer("stalls")).unwrap_err());
    assert_says(&refused, &["it waits by "]);
}

#[test]
fn a_build_for_0_2_imports_nothing_of_0_3() {
    for name in ["demo", "axum-hello", "at_once", "sockets", "streams"] {
        let older = interfaces(&component("run", name, &[]));
        assert!(
            older
                .iter()
                .any(|name| name.starts_with("wasi:io/poll@0.2.")),
            "{older:?}"
        );
        assert!(
            !older.iter().any(|name| name.contains("@0.3.")),
            "{name}: {older:?}"
        );
    }
}
