//! cargo-hack, in the version that `packages.toml` pins, below the tool's own
//! directory.

use std::fs;
use std::path::PathBuf;

use anyhow::{Result, bail};

use super::cargo::cargo;
use super::packages::DATA;
use super::toolchain::Toolchain;
use crate::console::Console;
use crate::home::Home;

/// The program, if it was built before in the right version.
pub fn kept(home: &Home) -> Option<PathBuf> {
    let root = home.root().join("tools");
    // cargo's own list of what it installed there, written at the end.
    let installed = fs::read_to_string(root.join(".crates.toml")).ok()?;
    let entry = format!("\"cargo-hack {} (", DATA.cargo_hack.version);
    let program = root
        .join("bin")
        .join(format!("cargo-hack{}", std::env::consts::EXE_SUFFIX));
    (installed.contains(&entry) && program.is_file()).then_some(program)
}

/// The program; built where it is missing.
pub fn cargo_hack(home: &Home, console: &Console) -> Result<PathBuf> {
    if let Some(program) = kept(home) {
        return Ok(program);
    }
    let _lock = home.lock("tools", console)?;
    if let Some(program) = kept(home) {
        return Ok(program);
    }
    let version = &DATA.cargo_hack.version;
    let toolchain = Toolchain::active(console)?;
    console.status(
        "Installing",
        format!("cargo-hack {version} for the tool's own use"),
    );
    // It only starts cargo, so an optimised build would gain nothing for the
    // minutes that it takes.
    let process = cargo(&toolchain)
        .args([
            "install",
            "cargo-hack",
            "--locked",
            "--debug",
            "--force",
            "--version",
        ])
        .arg(format!("={version}"))
        .args(["--target", &toolchain.host, "--root"])
        .arg(home.directory("tools")?)
        .arg("--target-dir")
        .arg(home.directory("tools/target")?)
        // Else cargo warns that the program is not on PATH.
        .arg("--quiet");
    let line = process.line();
    let spinner = console.spinner("Compiling", format!("cargo-hack {version}"));
    let output = process.output(console)?;
    spinner.finish_and_clear();
    if !output.status.success() {
        bail!(
            "cargo-hack {version} could not be built: `{line}` failed ({}){}",
            output.status,
            crate::process::quoted_tail(&output.stderr, 12)
        );
    }
    // Only the program is used.
    let _ = fs::remove_dir_all(home.root().join("tools/target"));
    match kept(home) {
        Some(program) => Ok(program),
        None => bail!("`{line}` succeeded, but installed no cargo-hack {version}"),
    }
}
