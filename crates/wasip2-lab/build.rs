//! Says which hosts are on this machine, so that the tests that need one are
//! reported as ignored where it is missing, and not as passed.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

fn main() {
    println!("cargo::rustc-check-cfg=cfg(has_node, has_wasmtime)");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=PATH");
    let own = Path::new(&env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default())
        .join("../../target/wasip2/tools/bin/wasmtime");
    println!("cargo::rerun-if-changed={}", own.display());
    if own.is_file() || which::which("wasmtime").is_ok() {
        println!("cargo::rustc-cfg=has_wasmtime");
    }
    if which::which("npm").is_ok() && node().is_some_and(|major| major >= 20) {
        println!("cargo::rustc-cfg=has_node");
    }
}

/// The major version of Node.js.
fn node() -> Option<u32> {
    let output = Command::new("node")
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}
