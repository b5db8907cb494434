//! The `wasmtime` command, which is a host for components.

use std::path::PathBuf;

use anyhow::Result;

use crate::cargo_tool::CargoTool;
use crate::packages::DATA;
use wasip2_ground::{Console, Home};

/// The command that `setup --wasmtime` has built.
pub fn kept(home: &Home) -> Option<PathBuf> {
    tool().kept(home)
}

/// The command: this tool's own, where it was built, else the one on `PATH`.
pub fn wasmtime(home: &Home) -> Option<PathBuf> {
    kept(home).or_else(|| which::which("wasmtime").ok())
}

/// Builds it where it is missing.
pub fn bring(home: &Home, console: &Console) -> Result<PathBuf> {
    tool().bring(home, console)
}

fn tool() -> CargoTool<'static> {
    CargoTool {
        name: "wasmtime-cli",
        program: "wasmtime",
        version: &DATA.wasmtime.version,
        features: Some(&DATA.wasmtime.features),
        // It compiles components.
        optimised: true,
    }
}
