//! Runs cargo and keeps the first error of what it compiles.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};

use wasip2_ground::child;
use wasip2_ground::messages::{self, Built};
use wasip2_ground::process::Process;

/// What the system says where a disk is full.
const FULL: &str = "No space left on device";

/// What came of it.
#[derive(Debug)]
pub enum Compiled {
    /// The program of the name that was asked for, if one was built.
    Well(Option<PathBuf>),
    /// Not at all, for this.
    Failed(String),
    /// It took too long, and was stopped.
    Stopped,
}

/// Runs a cargo command whose messages are JSON, within `limit`.
pub fn run(process: Process, program: Option<&str>, limit: Duration) -> Result<Compiled> {
    let ended = child::run(process.into_command(), limit)?;
    let Some(status) = ended.status else {
        return Ok(Compiled::Stopped);
    };
    let mut built = Built::default();
    messages::read(&*ended.stdout, |message| built.note(message, program))?;
    if status.success() {
        return Ok(Compiled::Well(built.program));
    }
    let said = String::from_utf8_lossy(&ended.stderr);
    refuse_full_disk(&said)?;
    Ok(Compiled::Failed(
        built.error.unwrap_or_else(|| cargos(&said)),
    ))
}

/// A full disk says nothing of a crate: it ends everything.
pub fn refuse_full_disk(said: &str) -> Result<()> {
    if said.contains(FULL) {
        bail!(
            "a disk is full ({FULL}): make room, `cargo clean` in the checkout makes most, and run \
             the same command again; what was done is kept"
        );
    }
    Ok(())
}

/// Cargo's own error and what led to it, where no compiler said anything.
fn cargos(said: &str) -> String {
    let from = said.find("error").unwrap_or(0);
    let lines: Vec<&str> = said[from..]
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("warning"))
        .take(6)
        .collect();
    lines.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_own_error_is_found() {
        let said = "    Updating index\nerror: no matching package named `nope` found\nlocation \
                    searched: crates.io index\n";
        assert_eq!(
            cargos(said),
            "error: no matching package named `nope` found location searched: crates.io index"
        );
    }
}
