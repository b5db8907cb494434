//! One side that is a component, and what is below it.

use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;
use wasip2_fixtures::UnreliableProxy;

use super::outcome::{Batch, Outcome};
use super::peer::Peer;
use super::programs::Programs;
use super::{Engine, FaultsArgs, Side};
use wasip2_ground::Console;

/// How many exchanges a client is told of at once.
const BATCH: u64 = 250;

/// How many exchanges there are before the host's resources are counted to
/// compare with: some are kept for good once something went wrong, such as
/// standard error, which that is told on.
const SOME: u64 = 120;

/// How long a batch may take. One exchange that hangs tells of itself before.
const LIMIT: Duration = Duration::from_secs(300);

/// How long descriptors may stay open after what they were for.
const SETTLE: Duration = Duration::from_secs(10);

/// How often is said how far it has come.
const PROGRESS: Duration = Duration::from_secs(20);

/// A setting.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Setting {
    pub side: Side,
    pub engine: Engine,
    /// Whether a handler's instances answer more than one request.
    pub reuse: bool,
}

impl fmt::Display for Setting {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let text = match (self.side, self.engine, self.reuse) {
            (Side::Client, Engine::WasiHttp, _) => "a client over wasi:http",
            (Side::Client, Engine::Sockets, _) => "a client over sockets",
            (Side::Server, Engine::WasiHttp, false) => "a handler, an instance a request",
            (Side::Server, Engine::WasiHttp, true) => "a handler, instances in use again",
            (Side::Server, Engine::Sockets, _) => "a server over sockets",
        };
        formatter.write_str(text)
    }
}

impl Setting {
    /// All that there are.
    pub fn all() -> [Setting; 5] {
        let setting = |side, engine, reuse| Setting {
            side,
            engine,
            reuse,
        };
        [
            setting(Side::Client, Engine::WasiHttp, false),
            setting(Side::Client, Engine::Sockets, false),
            setting(Side::Server, Engine::WasiHttp, false),
            setting(Side::Server, Engine::WasiHttp, true),
            setting(Side::Server, Engine::Sockets, false),
        ]
    }

    /// Has all exchanges happen.
    pub fn run(
        self,
        programs: &Programs,
        seed: u64,
        arguments: &FaultsArgs,
        console: &Console,
    ) -> Result<Outcome> {
        let directory = tempfile::TempDir::new().context("no directory for what is counted")?;
        let statistics = directory.path().join("statistics");
        let run = Run {
            setting: self,
            programs,
            seed,
            arguments,
            statistics: &statistics,
            console,
        };
        match self.side {
            Side::Client => run.client(),
            Side::Server => run.server(),
        }
    }
}

/// A setting while it runs.
struct Run<'a> {
    setting: Setting,
    programs: &'a Programs,
    seed: u64,
    arguments: &'a FaultsArgs,
    /// Where the host writes what it counted.
    statistics: &'a Path,
    console: &'a Console,
}

impl Run<'_> {
    /// A component talks to a native server.
    fn client(&self) -> Result<Outcome> {
        let mut server = Peer::start(Command::new(&self.programs.native_server))?;
        let address = server.address()?;
        let proxy = UnreliableProxy::start(self.seed, address, self.arguments.lying)?;
        let mut outcome = Outcome::new(self.setting, self.seed);

        let mut client = self.guest_client(&proxy)?;
        ask(&mut client, 0, SOME, 1)?;
        client.end(false)?;
        outcome.resources.before = self.counted("resources")?;

        let mut client = self.guest_client(&proxy)?;
        ask(&mut client, 0, 32, 8)?;
        thread::sleep(Duration::from_millis(500));
        outcome.descriptors.before = client.descriptors();
        let started = Instant::now();
        self.batches(&mut client, &mut outcome, |outcome, batch, client| {
            outcome.pages.before.get_or_insert(batch.pages);
            outcome.pages.after = Some(batch.pages);
            let memory = client.memory();
            outcome.memory.before = outcome.memory.before.or(memory);
            outcome.memory.after = memory;
        })?;
        outcome.seconds = started.elapsed().as_secs_f64();
        outcome.descriptors.after = settled(&client, outcome.descriptors.before);
        outcome.faults = proxy.seen();
        client.end(false)?;
        outcome.resources.after = self.counted("resources")?;
        outcome.wrong.extend(server.wrong());
        outcome.compare();
        Ok(outcome)
    }

    fn guest_client(&self, proxy: &UnreliableProxy) -> Result<Peer> {
        let (engine, rights) = match self.setting.engine {
            Engine::WasiHttp => ("default", "--http"),
            Engine::Sockets => ("sockets", "--network"),
        };
        let mut command = self.host()?;
        command
            .arg("host")
            .args([rights, "--statistics"])
            .arg(self.statistics)
            .arg(self.programs.component(&self.setting))
            .args([engine, &self.seed.to_string()])
            .args([self.arguments.at_once.to_string(), proxy.url()]);
        Peer::start(command)
    }

    /// A component is talked to by native clients.
    fn server(&self) -> Result<Outcome> {
        let mut outcome = Outcome::new(self.setting, self.seed);
        let by_signal = self.setting.engine == Engine::WasiHttp;
        {
            let mut server = self.guest_server()?;
            let address = server.address()?;
            let proxy = UnreliableProxy::start(self.seed, address, false)?;
            let mut client = self.native_client(&proxy.url(), 8)?;
            ask(&mut client, 0, SOME, 1)?;
            client.end(false)?;
            thread::sleep(Duration::from_millis(500));
            server.end(by_signal)?;
            outcome.resources.before = self.counted("resources")?;
        }
        let mut server = self.guest_server()?;
        let address = server.address()?;
        let proxy = UnreliableProxy::start(self.seed, address, self.arguments.lying)?;
        let url = format!("http://{address}");
        let mut healthy = self.native_client(&url, 1)?;
        let mut client = self.native_client(&proxy.url(), self.arguments.at_once)?;
        ask(&mut client, 0, 32, 8)?;
        ask(&mut healthy, 0, 8, 8)?;
        thread::sleep(Duration::from_millis(500));
        outcome.descriptors.before = server.descriptors();

        let started = Instant::now();
        let over = AtomicBool::new(false);
        let beside = thread::scope(|scope| {
            let beside = scope.spawn(|| {
                let mut all = Vec::new();
                let mut first = 0;
                while !over.load(Ordering::Relaxed) {
                    match ask(&mut healthy, first, 8, 8) {
                        Ok(batch) => all.push(batch),
                        Err(error) => return (all, Some(error)),
                    }
                    first += 64;
                }
                (all, None)
            });
            let done = self.batches(&mut client, &mut outcome, |outcome, _, _| {
                let memory = server.memory();
                outcome.memory.before = outcome.memory.before.or(memory);
                outcome.memory.after = memory;
                let pages = pages(address);
                outcome.pages.before = outcome.pages.before.or(pages);
                outcome.pages.after = pages;
            });
            over.store(true, Ordering::Relaxed);
            let beside = beside.join().expect("it does not panic");
            done.map(|()| beside)
        })?;
        outcome.seconds = started.elapsed().as_secs_f64();
        let (batches, error) = beside;
        for batch in batches {
            outcome.healthy += batch.right;
            outcome.longest_ms = outcome.longest_ms.max(batch.longest_ms);
            outcome.wrong.extend(batch.wrong);
        }
        if let Some(error) = error {
            outcome.wrong.push(format!("the healthy client: {error:#}"));
        }
        client.end(false)?;
        healthy.end(false)?;
        outcome.descriptors.after = settled(&server, outcome.descriptors.before);
        outcome.faults = proxy.seen();
        outcome.wrong.extend(server.wrong());
        server.end(by_signal)?;
        outcome.resources.after = self.counted("resources")?;
        for what in ["traps", "time_limits", "slow_clients"] {
            if let Some(number @ 1..) = self.counted(what)? {
                outcome
                    .wrong
                    .push(format!("the server counted {number} {what}"));
            }
        }
        outcome.compare();
        Ok(outcome)
    }

    fn guest_server(&self) -> Result<Peer> {
        let mut command = self.host()?;
        match self.setting.engine {
            Engine::WasiHttp => command.args(["serve", "--addr", "127.0.0.1:0"]),
            Engine::Sockets => command.args(["host", "--network"]),
        };
        if self.setting.reuse {
            command.args(["--max-instance-reuse-count", "1000000000"]);
            command.args(["--idle-instance-timeout", "1h"]);
        }
        command
            .arg("--statistics")
            .arg(self.statistics)
            .arg(self.programs.component(&self.setting));
        Peer::start(command)
    }

    fn native_client(&self, url: &str, at_once: u32) -> Result<Peer> {
        let mut command = Command::new(&self.programs.native_client);
        command
            .args(["default", &self.seed.to_string()])
            .args([&at_once.to_string(), url]);
        Peer::start(command)
    }

    /// This very program, which has the host's verbs.
    fn host(&self) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("wasip2");
        Ok(command)
    }

    /// Has `client` do all that was asked for.
    fn batches(
        &self,
        client: &mut Peer,
        outcome: &mut Outcome,
        mut after: impl FnMut(&mut Outcome, &Batch, &Peer),
    ) -> Result<()> {
        let FaultsArgs { first, count, .. } = *self.arguments;
        let mut said = Instant::now();
        let mut done = 0;
        while done < count {
            let next = BATCH.min(count - done);
            let batch = ask(client, first + done, next, 1)
                .with_context(|| format!("the exchanges from number {} on", first + done))?;
            done += next;
            after(outcome, &batch, client);
            outcome.add(batch);
            if said.elapsed() > PROGRESS {
                said = Instant::now();
                self.console
                    .status("Done", format!("{done} of {count}: {}", self.setting));
            }
        }
        Ok(())
    }

    /// A figure that the host counted, where it counts that.
    fn counted(&self, what: &str) -> Result<Option<u64>> {
        let text = fs::read_to_string(self.statistics).context("the host counted nothing")?;
        let counted: Value =
            serde_json::from_str(&text).context("the host's statistics are not right")?;
        Ok(counted[what].as_u64())
    }
}

fn ask(client: &mut Peer, first: u64, count: u64, step: u64) -> Result<Batch> {
    let line = client.ask(&format!("{first} {count} {step}"), LIMIT)?;
    serde_json::from_str(&line).with_context(|| format!("{line:?} does not say how they went"))
}

/// How many descriptors it has when those have gone that are going.
fn settled(peer: &Peer, before: Option<usize>) -> Option<usize> {
    let end = Instant::now() + SETTLE;
    loop {
        let now = peer.descriptors();
        if now <= before || Instant::now() > end {
            return now;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// How many pages of memory an instance of the server has.
fn pages(address: SocketAddr) -> Option<u64> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address).ok()?;
    let _ = stream.set_read_timeout(Some(SETTLE));
    let request = format!("GET /pages HTTP/1.0\r\nhost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut response = String::new();
    stream.read_to_string(&mut response).ok()?;
    let (_, body) = response.split_once("\r\n\r\n")?;
    body.trim().parse().ok()
}
