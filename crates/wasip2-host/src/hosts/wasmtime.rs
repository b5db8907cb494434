//! The `wasmtime` command as the host.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use wasip2_ground::{Console, Home, Process, Wasi, bounded, child};
use wasip2_toolchain::wasmtime as toolchain;

use super::Host;
use crate::arguments::{HostArgs, Mode, ServeArgs};
use crate::component;
use crate::end::{TIMED_OUT, TRAPPED, code};
use crate::interfaces::Interfaces;
use crate::rights::Rights;

/// What `wasmtime serve` writes before its URL, to standard error.
const SERVING: &str = "Serving HTTP on ";

/// How much of a line is looked at for that.
const LINE: u64 = 4 << 10;

/// How much of what the command says of a guest's end is looked at.
const LAST_WORDS: usize = 256 << 10;

/// What to do where there is no such command.
const INSTALL: &str = "`wasmtime` is not installed; fetch it with `cargo wasip2 setup --wasmtime`, \
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
        cannot(&arguments.rights)?;
        let program = wasmtime(home)?;
        check(&program, arguments.component(), console)?;
        let words = words(arguments, proposals(arguments.component()));
        let mut process = Process::new(program).args(words).ending_with_this();
        for (name, value) in secrets(&arguments.rights) {
            process = process.env(name, value);
        }
        if arguments.timeout.is_none() {
            return Ok(code(process.status(console)?));
        }
        console.detail("Running", format!("`{}`", process.line()));
        let mut command = process.into_command();
        command.stdin(Stdio::inherit()).stderr(Stdio::piped());
        let mut child = command.spawn().context("`wasmtime` could not start")?;
        let said = child.stderr.take().context("its errors are not there")?;
        let mut shown = std::io::stderr();
        let said = bounded::read(said, LAST_WORDS, |bytes| drop(shown.write_all(bytes)));
        // It has no exit code of its own for a timeout: it traps, and says why.
        // How long it took says nothing, for it compiles the component, too.
        match code(child.wait()?) {
            TRAPPED if was_interrupted(&said.bytes) => Ok(TIMED_OUT),
            code => Ok(code),
        }
    }

    fn serve(&self, arguments: &ServeArgs, home: &Home, console: &Console) -> Result<u8> {
        if arguments.statistics.is_some() {
            bail!("the `wasmtime` command has no `--statistics`; leave `--host` out");
        }
        cannot(&arguments.rights)?;
        if let Some(flag) = arguments.routes.given() {
            bail!("the `wasmtime` command has no `{flag}`; leave it or `--host` out");
        }
        let others = arguments.limits.given();
        if let Some(flag) = others.iter().find(|flag| **flag != "--max-memory") {
            bail!("the `wasmtime` command has no `{flag}`; leave it or `--host` out");
        }
        let wasm = component::read(arguments.component())?;
        if !arguments.rights.http && Interfaces::of(&wasm).sends_http() {
            bail!(
                "`wasmtime serve` lets every guest send HTTP requests, and {} can do so; allow it \
                 with `--http`, or leave `--host wasmtime` out for a host that refuses it",
                arguments.component().display()
            );
        }
        let program = wasmtime(home)?;
        let wasi = check(&program, arguments.component(), console)?;
        let mut command = Command::new(program);
        command
            // `wasi:cli` is not in the world of a handler, and Rust's standard
            // library imports it.
            .args(["serve", "-Scli=y"])
            .args(proposals(arguments.component()))
            .args(flags(&arguments.rights))
            .arg(format!("--addr={}", arguments.addr))
            .arg(format!(
                "--max-instance-reuse-count={}",
                arguments.reuse(wasi)
            ))
            .arg(format!(
                "--idle-instance-timeout={}ms",
                arguments.idle_instance_timeout.as_millis()
            ));
        let at_once = arguments.at_once(wasi)?;
        if wasi == Wasi::P3 {
            command.arg(format!("--max-instance-concurrent-reuse-count={at_once}"));
        }
        if let Some(limit) = arguments.timeout {
            command.arg(format!("-Wtimeout={}us", limit.as_micros().max(1)));
        }
        if let Some(mebibytes) = arguments.limits.max_memory {
            let bytes = mebibytes.saturating_mul(1 << 20);
            command.arg(format!("-Wmax-memory-size={bytes}"));
        }
        if arguments.no_cache {
            command.arg("-Ccache=n");
        }
        command.envs(secrets(&arguments.rights));
        command
            .arg(arguments.component())
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        console.detail("Running", format!("{command:?}"));
        let ended = child::until_ctrl_c(command, |child| {
            let said = child.stderr.take().context("its errors are not there")?;
            std::thread::spawn(move || {
                let mut said = BufReader::new(said);
                let _ = tell_url(&mut said);
                // What follows is the guests' as well.
                let _ = std::io::copy(&mut said, &mut std::io::stderr());
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

/// Writes the URL that the command serves at to standard output, and what it
/// says before to standard error.
fn tell_url(said: &mut impl BufRead) -> std::io::Result<()> {
    let mut line = Vec::new();
    while said.take(LINE).read_until(b'\n', &mut line)? > 0 {
        if let Some(url) = line.strip_prefix(SERVING.as_bytes()) {
            let mut out = std::io::stdout().lock();
            out.write_all(url)?;
            return out.flush();
        }
        std::io::stderr().write_all(&line)?;
        line.clear();
    }
    Ok(())
}

/// Whether the trap that the command tells of last is that of a guest whose time
/// was over.
fn was_interrupted(said: &[u8]) -> bool {
    let said = String::from_utf8_lossy(said);
    let mut traps = said.rsplit("wasm trap: ");
    let last = traps.next().unwrap_or_default();
    traps.next().is_some() && last.starts_with("interrupt")
}

/// The command.
fn wasmtime(home: &Home) -> Result<PathBuf> {
    toolchain::wasmtime(home).context(INSTALL)
}

/// The first version of the command that has the interfaces of WASI 0.3 as they
/// were released, and needs no flag for them.
const WITH_0_3: u64 = 46;

/// The version of WASI that the component is for, and an error where the command
/// does not have that.
fn check(program: &Path, component: &Path, console: &Console) -> Result<Wasi> {
    // What is no component at all, the command says itself.
    let Ok(wasm) = component::read(component) else {
        return Ok(Wasi::P2);
    };
    let cannot = || format!("{} cannot run in `wasmtime`", component.display());
    let wasi = Interfaces::of(&wasm).wasi().with_context(cannot)?;
    if wasi == Wasi::P2 {
        return Ok(wasi);
    }
    let version = toolchain::version(program, console)?;
    if version.major < WITH_0_3 {
        let shown = program.display();
        return Err(anyhow!(
            "it is for WASI {wasi}, which Wasmtime has from {WITH_0_3}.0 on, and {shown} is \
             {version}: take a newer one (`cargo wasip2 setup --wasmtime`), or leave `--host \
             wasmtime` out"
        ))
        .with_context(cannot);
    }
    Ok(wasi)
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
            Some(value) if is_for_the_host(&variable.name) => {
                format!("--env={}={value}", variable.name).into()
            }
            _ => format!("--env={}", variable.name).into(),
        });
    }
    flags
}

/// The variables whose values the command gets through its environment: its
/// arguments can be read by everybody on this machine, and are limited in
/// length.
fn secrets(rights: &Rights) -> impl Iterator<Item = (&str, &str)> {
    rights.variables.iter().filter_map(|variable| {
        let value = variable.value.as_deref()?;
        (!is_for_the_host(&variable.name)).then_some((&*variable.name, value))
    })
}

/// Whether a variable would change what the command itself does: those of the
/// dynamic linker and its libc, and its own.
fn is_for_the_host(name: &str) -> bool {
    let prefixes = ["LD_", "DYLD_", "MALLOC_", "WASMTIME_", "RUST_", "RAYON_"];
    prefixes.iter().any(|prefix| name.starts_with(prefix))
        || [
            "GLIBC_TUNABLES",
            "HOME",
            "PATH",
            "TMPDIR",
            "XDG_CACHE_HOME",
            "XDG_CONFIG_HOME",
        ]
        .contains(&name)
}

/// Refuses what the command has nothing for.
fn cannot(rights: &Rights) -> Result<()> {
    if rights.http_ca.is_some() {
        bail!(
            "the `wasmtime` command trusts Mozilla's certificate authorities alone and has no \
             `--http-ca`; leave it out or use `--host builtin`"
        );
    }
    if !rights.http_allow.is_empty() {
        bail!(
            "the `wasmtime` command lets a guest send HTTP requests to every host or to none, and \
             has no `--http-allow`; use `--host builtin`"
        );
    }
    rights.stand_ins.refuse("the `wasmtime` command")
}

/// The duration in a unit of which it is a whole number, which is all that
/// `wasmtime` reads.
fn whole(limit: Duration) -> String {
    format!("{}us", limit.as_micros().max(1))
}
