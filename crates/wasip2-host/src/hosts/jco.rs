//! jco on Node.js as the host: a WASI 0.2 without Wasmtime and without tokio.
//!
//! jco turns the component into JavaScript and core modules, which is kept
//! from one run to the next; `jco/host.mjs` gives that its imports from jco's
//! own implementation of WASI, limited to the rights that the guest has. Where
//! that implementation is not like Wasmtime's,
//! `compat-tests/expectations/jco.toml` says how.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use wasip2_ground::files::{hex, write_whole};
use wasip2_ground::process::quoted_tail;
use wasip2_ground::{Console, Home, Process, Unfinished, Wasi, child};
use wasip2_toolchain::{Node, jco as toolchain};

use super::Host;
use crate::arguments::{HostArgs, Mode, ServeArgs};
use crate::component;
use crate::end::{TIMED_OUT, code};
use crate::interfaces::Interfaces;
use crate::rights::Rights;

/// jco does not know the component model's threads. Of a file that cannot be read,
/// it says so itself.
fn refuse_threads(component: &Path) -> Result<()> {
    let wasm = fs::read(component).unwrap_or_default();
    ensure!(
        !component::proposals(&wasm).threads,
        "{} has threads (`cargo wasip2 init --threads`), which jco does not have; use `--host \
         builtin`, or Wasmtime from version 48 on, with `-W component-model-threading`",
        component.display()
    );
    Ok(())
}

/// Refuses what jco has nothing for.
fn cannot(rights: &Rights) -> Result<()> {
    ensure!(
        rights.http_allow.is_empty(),
        "jco lets a guest send HTTP requests to every host or to none, and has no `--http-allow`; \
         use `--host builtin`"
    );
    rights.stand_ins.refuse("jco")
}

const TRANSPILE: &str = include_str!("jco/transpile.mjs");
const HOST: &str = include_str!("jco/host.mjs");

/// How many transpiled components are kept.
const KEPT: usize = 40;

/// What `host.mjs` is told; see there.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Options<'a> {
    component: &'a Path,
    args: Vec<String>,
    env: BTreeMap<String, String>,
    directories: BTreeMap<&'a str, PathBuf>,
    network: bool,
    name_lookup: bool,
    http: bool,
    listen: Option<Listen>,
    reuse: u64,
}

#[derive(Serialize)]
struct Listen {
    host: String,
    port: u16,
}

/// Where a server listens, and how many requests an instance may answer.
#[derive(Clone, Copy, Debug)]
struct Serving {
    address: SocketAddr,
    reuse: u64,
}

/// It. What Node.js says of a trap is in its own words.
pub struct Jco;

impl Host for Jco {
    fn run(&self, arguments: &HostArgs, home: &Home, console: &Console) -> Result<u8> {
        if arguments.mode == Mode::Sync {
            bail!("jco has no `--mode sync`; leave it out or use `--host builtin`");
        }
        if arguments.statistics.is_some() {
            bail!("jco has no `--statistics`; use `--host builtin`");
        }
        cannot(&arguments.rights)?;
        refuse_threads(arguments.component())?;
        let (mut command, _options) = command(
            arguments.component(),
            arguments.argv()?,
            &arguments.rights,
            None,
            arguments.no_cache,
            home,
            console,
        )?;
        child::end_with_this_process(&mut command, child::Signal::Terminate);
        let mut child = command.spawn().context("node could not be started")?;
        let Some(limit) = arguments.timeout else {
            return Ok(code(child.wait()?));
        };
        if let Some(status) = child::wait_for(&mut child, limit)? {
            return Ok(code(status));
        }
        child.kill()?;
        child.wait()?;
        console.error(format!(
            "the guest did not end within {limit:?} (--timeout), and was stopped"
        ));
        Ok(TIMED_OUT)
    }

    fn serve(&self, arguments: &ServeArgs, home: &Home, console: &Console) -> Result<u8> {
        if arguments.statistics.is_some() || arguments.timeout.is_some() {
            bail!("jco has no `--statistics` and no `--timeout`; leave `--host` out");
        }
        let limits = arguments.limits.given();
        if let Some(flag) = limits.first().copied().or(arguments.routes.given()) {
            bail!("jco has no `{flag}`; leave it or `--host` out");
        }
        cannot(&arguments.rights)?;
        refuse_threads(arguments.component())?;
        let component = arguments.component();
        arguments.at_once(Wasi::P2)?;
        let name = component.file_name().unwrap_or(component.as_os_str());
        let serving = Serving {
            address: arguments.addr,
            reuse: arguments.reuse(Wasi::P2),
        };
        let (command, _options) = command(
            component,
            vec![name.to_string_lossy().into_owned()],
            &arguments.rights,
            Some(serving),
            arguments.no_cache,
            home,
            console,
        )?;
        let ended = child::until_ctrl_c(command, |_| Ok(()))?;
        Ok(ended.map_or(0, code))
    }

    fn missing(&self, _: &Home, console: &Console) -> Option<String> {
        // npm installs the rest when it is first used.
        Node::find(console).err().map(|error| error.to_string())
    }

    fn install(&self, home: &Home, console: &Console) -> Result<String> {
        let node = Node::find(console)?;
        let directory = toolchain::jco(home, console)?;
        Ok(format!(
            "jco in {}, on Node.js {}",
            directory.display(),
            node.version
        ))
    }
}

/// An error where the component is for a version of WASI that jco, as it is
/// pinned here, does not have.
fn check(component: &Path) -> Result<()> {
    // What is no component at all, jco says itself.
    let Ok(wasm) = component::read(component) else {
        return Ok(());
    };
    let cannot = || format!("{} cannot run in jco", component.display());
    let wasi = Interfaces::of(&wasm).wasi().with_context(cannot)?;
    if wasi == Wasi::P2 {
        return Ok(());
    }
    Err(anyhow!(
        "it is for WASI {wasi}, and jco is used for 0.2 here: leave `--host jco` out, or build it \
         for 0.2"
    ))
    .with_context(cannot)
}

/// Node.js with the component in it, to be run or to serve, and the file with
/// its options, which is to be kept for as long as that runs. They may hold
/// secrets, and arguments can be read by everybody on this machine.
fn command(
    component: &Path,
    argv: Vec<String>,
    rights: &Rights,
    serving: Option<Serving>,
    anew: bool,
    home: &Home,
    console: &Console,
) -> Result<(Command, NamedTempFile)> {
    check(component)?;
    Node::find(console)?;
    let jco = toolchain::jco(home, console)?;
    // Beside `node_modules`, where Node.js looks for jco.
    for (name, script) in [("transpile.mjs", TRANSPILE), ("host.mjs", HOST)] {
        write_whole(&jco.join(name), script.as_bytes())?;
    }
    let directory = transpiled(component, &jco, anew, console)?;
    let options = Options {
        component: &directory,
        args: argv,
        env: rights.environment().into_iter().collect(),
        directories: rights
            .directories
            .iter()
            .map(|directory| {
                let host = fs::canonicalize(&directory.host).with_context(|| {
                    format!(
                        "the directory {} (--dir) could not be opened",
                        directory.host.display()
                    )
                })?;
                Ok((&*directory.guest, host))
            })
            .collect::<Result<_>>()?,
        network: rights.network,
        name_lookup: rights.name_lookup,
        http: rights.http,
        listen: serving.map(|serving| Listen {
            host: serving.address.ip().to_string(),
            port: serving.address.port(),
        }),
        reuse: serving.map_or(1, |serving| serving.reuse),
    };
    // Nobody else can read it.
    let mut file = NamedTempFile::new().context("a temporary file could not be made")?;
    serde_json::to_writer(&mut file, &options).context("the options could not be written")?;
    let mut process = Process::new("node")
        .arg(jco.join("host.mjs"))
        .arg(file.path());
    if let Some(file) = &rights.http_ca {
        // Beside those that Node.js has from Mozilla.
        process = process.env("NODE_EXTRA_CA_CERTS", file);
    }
    console.detail("Running", format!("`{}`", process.line()));
    let mut command = process.into_command();
    command.stdin(match serving {
        None => Stdio::inherit(),
        // It is nobody's among many requests.
        Some(_) => Stdio::null(),
    });
    Ok((command, file))
}

/// The directory of what jco made of the component, now or before.
fn transpiled(component: &Path, jco: &Path, anew: bool, console: &Console) -> Result<PathBuf> {
    let wasm = fs::read(component).with_context(|| {
        format!(
            "{} could not be read; is the component built, and is its path right?",
            component.display()
        )
    })?;
    let digest = Sha256::new_with_prefix(TRANSPILE)
        .chain_update(&wasm)
        .finalize();
    let name = hex(&digest[..16]);
    let parent = jco.join("transpiled");
    fs::create_dir_all(&parent)?;
    let place = parent.join(name);
    if place.is_dir() && !anew {
        // The time of the last use, for `trim`.
        if let Ok(directory) = fs::File::open(&place) {
            let _ = directory.set_modified(SystemTime::now());
        }
        return Ok(place);
    }
    let unfinished = Unfinished::new(&parent)?;
    let process = Process::new("node")
        .arg(jco.join("transpile.mjs"))
        .arg(component)
        .arg(unfinished.whole());
    let spinner = console.spinner("Transpiling", component.display().to_string());
    let output = process.output(console)?;
    spinner.finish_and_clear();
    ensure!(
        output.status.success(),
        "jco cannot transpile {}; is it a component for `wasm32-wasip2`?{}",
        component.display(),
        quoted_tail(&output.stderr, 8)
    );
    trim(&parent, KEPT - 1)?;
    // Another process may have been faster, and may be at it.
    if anew || !place.is_dir() {
        unfinished.put(&place)?;
    }
    Ok(place)
}

/// Deletes those that have not been used for the longest time until at most
/// `most` are left.
fn trim(parent: &Path, most: usize) -> Result<()> {
    let mut kept = Vec::new();
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        let hidden = |name: &OsStr| name.as_encoded_bytes().starts_with(b".");
        if !hidden(&entry.file_name()) {
            kept.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    kept.sort();
    let excess = kept.len().saturating_sub(most);
    for (_, path) in kept.into_iter().take(excess) {
        fs::remove_dir_all(&path).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
