//! The tool itself, optimised.
//!
//! wasmtime's linker is generic code that is compiled into the tool, and so is
//! the load generator: as a development build has them, they halve every
//! figure. So the benchmark builds the tool once more and becomes it.

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use cargo_metadata::Message;

use crate::apply::cargo;
use crate::console::Console;
use crate::process::Process;

/// Whether this program is optimised.
pub const THIS: bool = !cfg!(debug_assertions);

/// Builds the tool that stands in `checkout`; gives back the program.
pub fn build(checkout: &Path, console: &Console) -> Result<PathBuf> {
    console.status(
        "Building",
        "this tool with optimisation, once: an unoptimised host halves every figure",
    );
    let process = Process::new(cargo())
        .current_dir(checkout)
        .args([
            "build",
            "--release",
            "--locked",
            "--package",
            "cargo-wasip2",
        ])
        .args(["--bin", "cargo-wasip2"])
        .arg("--message-format=json-render-diagnostics");
    console.detail("Running", format!("`{}`", process.line()));
    let mut child = process
        .into_command()
        .stdout(Stdio::piped())
        .spawn()
        .context("cargo could not be started")?;
    let mut program = None;
    let output = child.stdout.take().context("cargo's output is not there")?;
    for message in Message::parse_stream(BufReader::new(output)) {
        if let Message::CompilerArtifact(artifact) = message.context("cargo's messages")?
            && artifact.executable.is_some()
        {
            program = artifact.executable;
        }
    }
    if !child.wait()?.success() {
        bail!("the tool did not build with optimisation; what rustc said stands above");
    }
    let program = program.context("cargo built no program")?;
    Ok(program.into_std_path_buf())
}

/// Goes on as `program`, with this process's own arguments; gives back its exit
/// code where the system cannot replace a process.
pub fn become_it(program: &Path) -> Result<u8> {
    let mut command = Command::new(program);
    command.args(std::env::args_os().skip(1));
    #[cfg(unix)]
    {
        // So that a signal reaches whoever does the work.
        let error = std::os::unix::process::CommandExt::exec(&mut command);
        Err(error).with_context(|| format!("{} could not be started", program.display()))
    }
    #[cfg(not(unix))]
    {
        let status = command
            .status()
            .with_context(|| format!("{} could not be started", program.display()))?;
        Ok(status.code().map_or(1, |code| code as u8))
    }
}
