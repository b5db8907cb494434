//! Another host serves: the `wasmtime` command, or jco on Node.js.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};

use crate::console::Console;
use crate::home::Home;
use crate::host::{Kind, external, jco};

use super::ServeArgs;

/// What `wasmtime serve` writes before its URL, to standard error.
const SERVING: &str = "Serving HTTP on ";

/// Serves until Ctrl-C, or until the host ends by itself; gives back the exit
/// code.
pub fn run(arguments: &ServeArgs, component: &Path, home: &Home, console: &Console) -> Result<u8> {
    if arguments.statistics.is_some() || arguments.timeout.is_some() && arguments.host == Kind::Jco
    {
        bail!(
            "`--statistics`, and with jco `--timeout`, are of the host that is built in; leave \
             `--host` out"
        );
    }
    match arguments.host {
        Kind::Builtin => unreachable!("it is no other host"),
        Kind::Wasmtime => wasmtime(arguments, component, home, console),
        Kind::Jco => {
            let name = component.file_name().unwrap_or(component.as_os_str());
            let serving = jco::Serving {
                address: arguments.addr,
                reuse: arguments.max_instance_reuse_count,
            };
            let command = jco::command(
                component,
                vec![name.to_string_lossy().into_owned()],
                &arguments.rights,
                Some(serving),
                arguments.no_cache,
                home,
                console,
            )?;
            until_ctrl_c(command, |_| Ok(()))
        }
    }
}

fn wasmtime(arguments: &ServeArgs, component: &Path, home: &Home, console: &Console) -> Result<u8> {
    let mut command = Command::new(external::wasmtime(home)?);
    command
        // `wasi:cli` is not in the world of a handler, and Rust's standard
        // library imports it.
        .args(["serve", "-Scli=y"])
        .args(external::flags(&arguments.rights))
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
    command.arg(component).stderr(Stdio::piped());
    console.detail("Running", format!("{command:?}"));
    until_ctrl_c(command, |child| {
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
    })
}

/// Runs `command`, with `started` called once it does, and ends it on Ctrl-C.
fn until_ctrl_c(
    mut command: Command,
    started: impl FnOnce(&mut std::process::Child) -> Result<()>,
) -> Result<u8> {
    let mut child = command
        .stdin(Stdio::piped())
        .spawn()
        .with_context(|| format!("{command:?} could not start"))?;
    // Open for as long as this process is there: jco's script waits for its end.
    // Where it is not taken out, `wait` closes it.
    let _open = child.stdin.take();
    started(&mut child)?;
    let stopped = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    let pid = rustix::process::Pid::from_child(&child);
    let handler_stopped = stopped.clone();
    ctrlc::set_handler(move || {
        handler_stopped.store(true, Ordering::Relaxed);
        // Elsewhere Ctrl-C is for every process of the console.
        #[cfg(unix)]
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    })
    .context("Ctrl-C could not be waited for")?;
    let status = child.wait()?;
    Ok(match stopped.load(Ordering::Relaxed) {
        true => 0,
        false => external::code(status),
    })
}
