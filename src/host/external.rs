//! The user's own `wasmtime` command as the host.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::console::Console;
use crate::process::Process;

use super::rights::Rights;
use super::{HostArgs, Mode, TIMED_OUT, TRAPPED};

/// Runs a component to its end and gives back the exit code.
///
/// What `wasmtime` says of a trap or of a denial is in its own words.
pub fn run(arguments: &HostArgs, console: &Console) -> Result<u8> {
    if arguments.mode == Mode::Sync {
        bail!("the `wasmtime` command has no `--mode sync`; leave it out or use `--host builtin`");
    }
    if arguments.statistics.is_some() {
        bail!("the `wasmtime` command has no `--statistics`; use `--host builtin`");
    }
    let started = Instant::now();
    let status = Process::new("wasmtime")
        .or_install(
            "install it as https://wasmtime.dev says, or leave `--host wasmtime` and \
             CARGO_WASIP2_HOST out to use the host that is built in",
        )
        .args(words(arguments))
        .status(console)?;
    let code = match status.code() {
        Some(code) => u8::try_from(code).unwrap_or(u8::MAX),
        None => signalled(status),
    };
    // `wasmtime` has no exit code of its own for a timeout: it traps.
    match arguments.timeout {
        Some(limit) if code == TRAPPED && started.elapsed() >= limit => Ok(TIMED_OUT),
        _ => Ok(code),
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
fn flags(rights: &Rights) -> Vec<OsString> {
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
fn signalled(status: std::process::ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    status
        .signal()
        .and_then(|signal| u8::try_from(128 + signal).ok())
        .unwrap_or(u8::MAX)
}

/// Elsewhere a process always has an exit code.
#[cfg(not(unix))]
fn signalled(_status: std::process::ExitStatus) -> u8 {
    u8::MAX
}
