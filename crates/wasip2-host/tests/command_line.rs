//! The hosts' own program: what it runs, and what it says of what it cannot.

use std::process::Command;

/// A component without any import, which runs and ends well.
const NOTHING: &str = r#"(component
    (core module $m (func (export "run") (result i32) i32.const 0))
    (core instance $i (instantiate $m))
    (func $run (result (result)) (canon lift (core func $i "run")))
    (component $shim
        (import "run" (func $run (result (result))))
        (export "run" (func $run)))
    (instance $cli (instantiate $shim (with "run" (func $run))))
    (export "wasi:cli/run@0.2.0" (instance $cli)))"#;

#[test]
fn a_component_runs_and_a_core_module_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let run = |name: &str, content: &[u8]| {
        let file = home.path().join(name);
        std::fs::write(&file, content).unwrap();
        Command::new(env!("CARGO_BIN_EXE_wasip2-host"))
            .arg("run")
            .arg(&file)
            .env("CARGO_WASIP2_HOME", home.path())
            .output()
            .unwrap()
    };
    let output = run("nothing.wasm", &wat::parse_str(NOTHING).unwrap());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let output = run("module.wasm", &wat::parse_str("(module)").unwrap());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("is a core WebAssembly module"), "{said}");
}
