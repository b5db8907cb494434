//! The `wasmtime` command as the host.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use wasip2_ground::{Console, Home, Process, child};
use wasip2_toolchain::wasmtime as toolchain;

use super::Host;
use crate::arguments::{HostArgs, Mode, ServeArgs};
use crate::component;
use crate::end::{TIMED_OUT, TRAPPED, code};
use crate::rights::Rights;

/// What `wasmtime serve` writes before its URL, to standard error.
const SERVING: &str = "Serving HTTP on ";

/// What to do where there is no such command.
const INSTALL: &str = "`wasmtime` is not installed; build it with `cargo wasip2 setup --wasmtime`, \
                       install it as https://wasmtime.dev says, or leave `--host wasmtime` and \
                       CARGO_WASIP2_HOST out to use the host that is built in";

/// It. What it says of a trap or of a denial is in its own words.
pub struct Wasmtime;

impl Host for Wasmtime {
    fn run(&self, arguments: &HostArgs, home: &Home, console: &Console) -> Result<u8> {
        if arguments.mode == Mode::Sync {
            bail!(
                "the `wasmtime` command has no `--mode sync`; leave it out or use `--host builtin`"
            );
        }
        if arguments.statistics.is_some() {
            bail!("the `wasmtime` command has no `--statistics`; use `--host builtin`");
        }
        let started = Instant::now();
        let status = Process::new(wasmtime(home)?)
            .args(words(arguments, proposals(arguments.component())))
            .status(console)?;
        let code = code(status);
        // `wasmtime` has no exit code of its own for a timeout: it traps.
        match arguments.timeout {
            Some(limit) if code == TRAPPED && started.elapsed() >= limit => Ok(TIMED_OUT),
            _ => Ok(code),
        }
    }

    fn serve(&self, arguments: &ServeArgs, home: &Home, console: &Console) -> Result<u8> {
        if arguments.statistics.is_some() {
            bail!("the `wasmtime` command has no `--statistics`; leave `--host` out");
        }
        let mut command = Command::new(wasmtime(home)?);
        command
            // `wasi:cli` is not in the world of a handler, and Rust's standard
            // library imports it.
            .args(["serve", "-Scli=y"])
            .args(proposals(arguments.component()))
            .args(flags(&arguments.rights))
            .arg(format!("--addr={}", arguments.addr))
            .arg(format!(
                "--max-instance-reuse-count={}",
                arguments.max_instance_reuse_count
            ))
            .arg(format!(
                "--idle-instance-timeout={}ms",
                arguments.idle_instance_timeout.as_millis()
            ));
        if let Some(limit) = arguments.timeout {
            command.arg(format!("-Wtimeout={}us", limit.as_micros().max(1)));
        }
        if arguments.no_cache {
            command.arg("-Ccache=n");
        }
        command.arg(arguments.component()).stderr(Stdio::piped());
        console.detail("Running", format!("{command:?}"));
        let ended = child::until_ctrl_c(command, |child| {
            let said = child.stderr.take().context("its errors are not there")?;
            std::thread::spawn(move || {
                for line in BufReader::new(said).lines().map_while(Result::ok) {
                    match line.strip_prefix(SERVING) {
                        Some(url) => {
                            let mut out = std::io::stdout().lock();
                            let _ = writeln!(out, "{url}").and_then(|()| out.flush());
                        }
                        None => eprintln!("{line}"),
                    }
                }
            });
            Ok(())
        })?;
        Ok(ended.map_or(0, code))
    }

    fn missing(&self, home: &Home, _: &Console) -> Option<String> {
        toolchain::wasmtime(home)
            .is_none()
            .then(|| INSTALL.to_owned())
    }

    fn install(&self, home: &Home, console: &Console) -> Result<String> {
        let program = toolchain::bring(home, console)?;
        Ok(format!("wasmtime in {}", program.display()))
    }
}

/// The command.
fn wasmtime(home: &Home) -> Result<PathBuf> {
    toolchain::wasmtime(home).context(INSTALL)
}

/// The flag for a component with threads, which Wasmtime has since version 48.
const THREADS: &str = "-Wcomponent-model-threading=y";

/// The flags for what the component needs and the command has off by default. Of a
/// file that cannot be read, the command says so itself.
fn proposals(component: &Path) -> Option<&'static str> {
    let wasm = std::fs::read(component).unwrap_or_default();
    component::proposals(&wasm).threads.then_some(THREADS)
}

/// The command's arguments.
fn words(arguments: &HostArgs, proposals: Option<&str>) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["run".into()];
    words.extend(proposals.map(OsString::from));
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
