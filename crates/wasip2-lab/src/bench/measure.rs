//! One run: a program of one variant at one point.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use wasip2_fixtures::HttpServer;

use super::cases::{self, Point};
use super::load::{self, Load, http, spread, tcp_echo, udp_echo};
use super::running::{Launch, Role, Running};
use wasip2_host::Statistics;

/// How long a program may take to its first line. A component is compiled
/// before that, the first time.
const FIRST_LINE: Duration = Duration::from_secs(120);

/// How many times a program is started at least.
const STARTS: usize = 3;

/// What one run gave.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    /// Measured operations.
    pub operations: u64,
    /// How long they took in all, in seconds.
    pub seconds: f64,
    /// Operations a second.
    pub rate: f64,
    /// What half of them took at most, in microseconds.
    pub p50_us: f64,
    /// What nine in ten took at most, in microseconds.
    pub p90_us: f64,
    /// What 99 of 100 took at most, in microseconds.
    pub p99_us: f64,
    /// Calls of `wasi:io/poll.poll` for one operation; none natively.
    pub polls: Option<f64>,
    /// Pollables in each of those calls.
    pub pollables: Option<f64>,
    /// Calls of `wasi:io/poll.pollable.block` for one operation.
    pub blocks: Option<f64>,
    /// The most memory that the process had in use, in bytes: for a component,
    /// that of its host.
    pub memory: Option<u64>,
    /// How long the process computed for one operation, in microseconds, if it
    /// serves.
    pub cpu_us: Option<f64>,
    /// Which part of the time the load generator's thread was busy.
    pub load_busy: Option<f64>,
    /// Operations a second of the connections beside those that are measured.
    pub beside: Option<f64>,
}

/// What a program that measures itself prints.
#[derive(Deserialize)]
struct Said {
    operations: u64,
    total: u64,
    seconds: f64,
    p50: u64,
    p90: u64,
    p99: u64,
}

/// Runs a program once, for `seconds` after it is warm.
pub fn run(point: &Point, launch: &Launch, server: &HttpServer, seconds: f64) -> Result<Sample> {
    // Addresses, not names: the released crates cannot look one up.
    let urls = |path: &str| -> Vec<String> {
        let of = |address| format!("http://{address}{path}");
        server.addresses().map(of).collect()
    };
    let authorities: Vec<String> = server.addresses().map(|one| one.to_string()).collect();
    let launch = &Launch {
        environment: point.environment(&authorities),
        ..launch.clone()
    };
    // Where the value is how many layers there are, one client asks.
    let clients = match point.case.is_layered() {
        true => 1,
        false => point.value as usize,
    };
    match &point.case.load {
        cases::Load::Http { path, bytes } => serve(
            launch,
            |address| http::measure(address, &http::Ask::get(path, *bytes), clients, seconds),
            http::quit,
        ),
        cases::Load::Handler {
            path,
            bytes,
            post,
            headers,
            ..
        } => {
            let ask = http::Ask {
                path,
                bytes: *bytes,
                post: *post,
                headers,
            };
            serve(
                launch,
                |address| http::measure(address, &ask, clients, seconds),
                http::quit,
            )
        }
        cases::Load::TcpEcho { active, pause } => serve(
            launch,
            |address| tcp_echo::measure(address, *active, point.value as usize, *pause, seconds),
            tcp_echo::quit,
        ),
        cases::Load::Spread { rate, beside } => serve(
            launch,
            |address| spread::measure(address, point.value as usize, *rate, *beside, seconds),
            tcp_echo::quit,
        ),
        cases::Load::UdpEcho {} => serve(
            launch,
            |address| udp_echo::measure(address, point.value as usize, seconds),
            udp_echo::quit,
        ),
        cases::Load::Server { path } => {
            itself(launch, &point.arguments(&urls(path), seconds), seconds)
        }
        cases::Load::None {} => itself(launch, &point.arguments(&[], seconds), seconds),
        cases::Load::Start { path } => {
            start(launch, &point.arguments(&urls(path), seconds), seconds)
        }
    }
}

/// A program that serves, and clients of it. What the clients give beside
/// their load is kept until the program has ended.
fn serve<T>(
    launch: &Launch,
    clients: impl FnOnce(SocketAddr) -> Result<(Load, T)>,
    quit: impl FnOnce(SocketAddr) -> Result<()>,
) -> Result<Sample> {
    let mut running = Running::start(launch, &[])?;
    let address = load::address(&running.line(FIRST_LINE)?)?;
    let before = running.computed();
    let (load, _kept) = match clients(address) {
        Ok(done) => done,
        // Why the program ended says more than that it did.
        Err(error) => match running.why_ended() {
            Some(reason) => return Err(error.context(reason)),
            None => return Err(error),
        },
    };
    let memory = running.peak_memory();
    let computed = before.and_then(|before| running.computed()?.checked_sub(before));
    match &launch.host {
        // No instance can end the server.
        Some(host) if matches!(host.role, Role::Serve { .. }) => running.interrupt(),
        _ => quit(address),
    }
    .context("it could not be told to end")?;
    let total = load.total as f64;
    let mut sample = Sample::new(load, running.end()?, memory)?;
    sample.cpu_us = computed.map(|computed| computed.as_secs_f64() * 1e6 / total);
    Ok(sample)
}

/// A program that measures itself.
fn itself(launch: &Launch, arguments: &[String], seconds: f64) -> Result<Sample> {
    let mut running = Running::start(launch, arguments)?;
    let limit = FIRST_LINE + Duration::from_secs_f64(2.0 * seconds);
    let line = running.line(limit)?;
    let said: Said = serde_json::from_str(&line)
        .with_context(|| format!("it said `{line}` and not its result"))?;
    let memory = running.peak_memory();
    let load = Load {
        operations: said.operations,
        total: said.total,
        seconds: said.seconds,
        p50: said.p50,
        p90: said.p90,
        p99: said.p99,
        busy: None,
        beside: None,
    };
    Sample::new(load, running.end()?, memory)
}

/// Starts a program again and again.
fn start(launch: &Launch, arguments: &[String], seconds: f64) -> Result<Sample> {
    let once = || -> Result<(Duration, Option<u64>, Option<Statistics>)> {
        let begun = Instant::now();
        let mut running = Running::start(launch, arguments)?;
        running.line(FIRST_LINE)?;
        let took = begun.elapsed();
        Ok((took, running.peak_memory(), running.end()?))
    };
    // Compiles it, if it was not before.
    let (_, memory, counted) = once()?;
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut times = Vec::new();
    while times.len() < STARTS || Instant::now() < end {
        times.push(once()?.0);
    }
    times.sort();
    let at = |part: f64| times[(part * (times.len() - 1) as f64).round() as usize];
    let load = Load {
        operations: times.len() as u64,
        // What was counted is of one start.
        total: 1,
        seconds: times.iter().sum::<Duration>().as_secs_f64(),
        p50: at(0.5).as_nanos() as u64,
        p90: at(0.9).as_nanos() as u64,
        p99: at(0.99).as_nanos() as u64,
        busy: None,
        beside: None,
    };
    Sample::new(load, counted, memory)
}

impl Sample {
    fn new(load: Load, counted: Option<Statistics>, memory: Option<u64>) -> Result<Sample> {
        anyhow::ensure!(
            load.operations > 0 && load.seconds > 0.0,
            "no operation was done within the time"
        );
        let total = load.total as f64;
        Ok(Sample {
            operations: load.operations,
            seconds: load.seconds,
            rate: load.operations as f64 / load.seconds,
            p50_us: load.p50 as f64 / 1000.0,
            p90_us: load.p90 as f64 / 1000.0,
            p99_us: load.p99 as f64 / 1000.0,
            polls: counted.map(|counted| counted.polls as f64 / total),
            pollables: counted
                .filter(|counted| counted.polls > 0)
                .map(|counted| counted.pollables as f64 / counted.polls as f64),
            blocks: counted.map(|counted| counted.blocks as f64 / total),
            memory,
            cpu_us: None,
            load_busy: load.busy,
            beside: load.beside,
        })
    }
}
