//! Runs cargo and keeps the first error of what it compiles.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};

use wasip2_ground::messages::{self, Built};
use wasip2_ground::{Process, child};

/// What the system says where a disk is full.
const FULL: &str = "No space left on device";

/// Runs a cargo command whose messages are JSON, within `limit`; gives back the
/// file of the program that was asked for, if one was built, or why all was not
/// compiled.
pub fn run(
    process: Process,
    program: Option<&str>,
    limit: Duration,
) -> Result<Result<Option<PathBuf>, String>> {
    let ended = child::run(process.into_command(), limit)?;
    let Some(status) = ended.status else {
        let seconds = limit.as_secs();
        return Ok(Err(format!("it was not built after {seconds} s")));
    };
    let mut built = Built::default();
    messages::read(&*ended.stdout, |message| built.note(message, program))?;
    if status.success() {
        return Ok(Ok(built.program));
    }
    let said = String::from_utf8_lossy(&ended.stderr);
    refuse_full_disk(&said)?;
    Ok(Err(built.error.unwrap_or_else(|| cargos(&said))))
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

/// What was made, or the reason why it was not; a full disk is an error.
pub fn or_reason<T>(made: Result<T>) -> Result<Result<T, String>> {
    let made = made.map_err(|error| format!("{error:#}"));
    if let Err(error) = &made {
        refuse_full_disk(error)?;
    }
    Ok(made)
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
