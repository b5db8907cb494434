//! Faults of the Wasmtime that this host is made of, which what is built for WASI
//! 0.3 does not meet; `compat-tests/wasmtime/README.md` describes them.

use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, Store};

/// What a script's function `run` gives, or how it fails.
fn run(script: &str) -> Result<u32, String> {
    let component = script.split("(assert_return").next().unwrap();
    let mut config = Config::new();
    config.wasm_component_model_async(true);
    let engine = Engine::new(&config).unwrap();
    let component = wat::parse_str(component).unwrap();
    let component = Component::new(&engine, component).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let result = runtime.block_on(async {
        let mut store = Store::new(&engine, ());
        let linker = Linker::new(&engine);
        let instance = linker.instantiate_async(&mut store, &component).await?;
        let run = instance.get_typed_func::<(), (u32,)>(&mut store, "run")?;
        Ok(run.call_async(&mut store, ()).await?.0)
    });
    result.map_err(|error: wasmtime::Error| format!("{error:?}"))
}

/// When one passes, the rule that is there for it is not needed any more, see
/// `vendor-shims/wasi-waitable/src/export/mod.rs`.
#[test]
fn three_faults_of_wasmtime_are_there() {
    let scripts = [
        (
            include_str!("../../../compat-tests/wasmtime/event-taken-by-another-task.wast"),
            "delivering non-present event",
        ),
        (
            include_str!("../../../compat-tests/wasmtime/future-read-by-a-task-that-exited.wast"),
            "resource not present",
        ),
        (
            include_str!("../../../compat-tests/wasmtime/two-tasks-wait-for-one-set.wast"),
            "deadlock detected",
        ),
    ];
    for (script, fault) in scripts {
        match run(script) {
            Err(error) => assert!(error.contains(fault), "{error}"),
            Ok(result) => panic!("`{fault}` is mended: it gives {result}"),
        }
    }
}
