//! Which cargo and which rustc are meant.

use std::ffi::OsString;

use anyhow::Result;

use crate::console::Console;
use crate::process::Process;

/// The cargo that runs this program, or the one on `PATH`.
pub fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// What `rustc --version` says.
pub fn rustc_version(console: &Console) -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Process::new(rustc).arg("--version").read(console)?;
    Ok(version.trim().to_owned())
}
