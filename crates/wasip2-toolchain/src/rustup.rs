//! `rustup target add`, which may fail but may not hang.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use wasip2_ground::child::{collect, wait_while};
use wasip2_ground::{Console, Process, TARGET, interrupt};

/// How long rustup may do nothing that is seen on the disk. Its own time
/// limit for a connection is shorter.
const PATIENCE: Duration = Duration::from_secs(60);

/// Adds the target to the toolchain that rustup knows as `name`; the error is
/// the reason why that could not be done, as the end of a sentence.
pub fn add_target(name: &str, sysroot: &Path, console: &Console) -> Result<Result<(), String>> {
    let spinner = console.spinner("Adding", format!("{TARGET} to {name} with rustup"));
    let process = Process::new("rustup")
        .args(["target", "add", "--toolchain", name, TARGET])
        // A backtrace would bury the one line that tells what happened.
        .env("RUST_BACKTRACE", "0");
    console.detail("Running", format!("`{}`", process.line()));
    let mut command = process.into_command();
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    if interrupt::noted() {
        return Ok(Err("it was interrupted".to_owned()));
    }
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Ok(Err(format!("rustup could not be started ({error})"))),
    };
    let said = collect(child.stderr.take());
    let mut seen = vec![crate::target::directory(sysroot).join("lib")];
    seen.extend(["downloads", "tmp"].map(|name| home().join(name)));
    let status = wait_while_it_moves(&mut child, PATIENCE, || size(&seen))?;
    spinner.finish_and_clear();
    if interrupt::noted() {
        return Ok(Err("it was interrupted".to_owned()));
    }
    let Some(status) = status else {
        return Ok(Err(format!(
            "rustup made no progress for {} s",
            PATIENCE.as_secs()
        )));
    };
    if status.success() {
        return Ok(Ok(()));
    }
    let said = said.recv().unwrap_or_default();
    let said = String::from_utf8_lossy(&said.bytes);
    let reason = said
        .lines()
        .find_map(|line| line.strip_prefix("error: "))
        .or_else(|| said.lines().last())
        .unwrap_or("it did not say why");
    Ok(Err(format!("rustup failed: {reason}")))
}

/// Where rustup keeps its downloads.
fn home() -> PathBuf {
    home::rustup_home().unwrap_or_default()
}

/// The bytes directly in `directories`.
fn size(directories: &[PathBuf]) -> u64 {
    directories
        .iter()
        .filter_map(|directory| fs::read_dir(directory).ok())
        .flatten()
        .filter_map(|entry| entry.ok()?.metadata().ok())
        .map(|metadata| metadata.len())
        .sum()
}

/// Waits for `child`, and ends it once `progress` has not changed for
/// `patience`: then there is no exit status.
fn wait_while_it_moves(
    child: &mut Child,
    patience: Duration,
    progress: impl Fn() -> u64,
) -> Result<Option<ExitStatus>> {
    let (mut last, mut since) = (progress(), Instant::now());
    let mut wait = || {
        let status = wait_while(child, || {
            let now = progress();
            if now != last {
                (last, since) = (now, Instant::now());
            }
            since.elapsed() <= patience && !interrupt::noted()
        })?;
        if status.is_none() {
            // It may have ended by itself in this very moment.
            let _ = child.kill();
            child.wait()?;
        }
        Ok::<_, std::io::Error>(status)
    };
    wait().context("rustup could not be waited for")
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_child_that_stands_still_is_ended() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let begun = Instant::now();
        let ended = wait_while_it_moves(&mut child, Duration::from_millis(200), || 7).unwrap();
        assert_eq!(ended, None);
        assert!(begun.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_child_that_moves_may_outlive_the_patience() {
        let mut child = Command::new("sleep").arg("0.6").spawn().unwrap();
        let moves = Cell::new(0);
        let ended = wait_while_it_moves(&mut child, Duration::from_millis(200), || {
            moves.set(moves.get() + 1);
            moves.get()
        });
        assert!(ended.unwrap().unwrap().success());
    }
}
