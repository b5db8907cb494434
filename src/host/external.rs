//! The `wasmtime` command as the host.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::console::Console;
use crate::home::Home;
use crate::process::Process;
use crate::setup;

use super::rights::Rights;
use super::{HostArgs, Mode, TIMED_OUT, TRAPPED};

/// Runs a component to its end and gives back the exit code.
///
/// What `wasmtime` says of a trap or of a denial is in its own words.
pub fn run(arguments: &HostArgs, home: &Home, console: &Console) -> Result<u8> {
    if arguments.mode == Mode::Sync {
        bail!("the `wasmtime` command has no `--mode sync`; leave it out or use `--host builtin`");
    }
    if arguments.statistics.is_some() {
        bail!("the `wasmtime` command has no `--statistics`; use `--host builtin`");
    }
    let started = Instant::now();
    let status = Process::new(wasmtime(home)?)
        .args(words(arguments))
        .status(console)?;
    let code = code(status);
    // `wasmtime` has no exit code of its own for a timeout: it traps.
    match arguments.timeout {
        Some(limit) if code == TRAPPED && started.elapsed() >= limit => Ok(TIMED_OUT),
        _ => Ok(code),
    }
}

/// The command.
pub fn wasmtime(home: &Home) -> Result<PathBuf> {
    setup::wasmtime(home).context(
        "`wasmtime` is not installed; build it with `cargo wasip2 setup --wasmtime`, install it \
         as https://wasmtime.dev says, or leave `--host wasmtime` and CARGO_WASIP2_HOST out to \
         use the host that is built in",
    )
}

/// The exit code that a process has ended with, as a shell shows it.
pub fn code(status: ExitStatus) -> u8 {
    match status.code() {
        Some(code) => u8::try_from(code).unwrap_or(u8::MAX),
        None => signalled(status),
    }
}

/// The command's arguments.
fn words(arguments: &HostArgs) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["run".into()];
    words.extend(flags(&arguments.rights));
    if let Some(limit) = arguments.timeout {
        words.push(format!("-Wtimeout={}", whole(limit)).into());
    }
    if arguments.no_cache {
        words.push("-Ccache=n".into());
    }
    // What follows the component is the guest's, for `wasmtime` too.
    words.extend(arguments.command.iter().cloned());
    words
}

/// The flags that give `rights`.
pub fn flags(rights: &Rights) -> Vec<OsString> {
    let mut flags: Vec<OsString> = Vec::new();
    for (granted, flag) in [
        (rights.network, "-Sinherit-network=y"),
        (rights.name_lookup, "-Sallow-ip-name-lookup=y"),
        (rights.http, "-Shttp=y"),
        (rights.inherit_env, "-Sinherit-env=y"),
    ] {
        if granted {
            flags.push(flag.into());
        }
    }
    for directory in &rights.directories {
        let mut flag = OsString::from("--dir=");
        flag.push(&directory.host);
        flag.push("::");
        flag.push(&directory.guest);
        flags.push(flag);
    }
    for variable in &rights.variables {
        flags.push(match &variable.value {
            Some(value) => format!("--env={}={value}", variable.name).into(),
            None => format!("--env={}", variable.name).into(),
        });
    }
    flags
}

/// The duration in a unit of which it is a whole number, which is all that
/// `wasmtime` reads.
fn whole(limit: Duration) -> String {
    format!("{}us", limit.as_micros().max(1))
}

/// The exit code that a shell gives a process which a signal ended.
#[cfg(unix)]
fn signalled(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    status
        .signal()
        .and_then(|signal| u8::try_from(128 + signal).ok())
        .unwrap_or(u8::MAX)
}

/// Elsewhere a process always has an exit code.
#[cfg(not(unix))]
fn signalled(_status: ExitStatus) -> u8 {
    u8::MAX
}
