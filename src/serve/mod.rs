//! Runs a component as an HTTP server: `cargo wasip2 serve`.
//!
//! The contract:
//!
//! - Whatever a guest does, a client gets a whole response, status 500 or 504,
//!   or a connection that ends before the response does: never a part of a
//!   response that looks whole.
//! - A guest that traps takes down its own instance and no other.
//! - The first line of standard output is the server's URL. What follows is
//!   the guests' own.
//! - Ctrl-C ends it: no new request is taken, those that are being answered
//!   have [`GRACE`] to end. A second Ctrl-C ends it at once.

mod body;
mod exchange;
mod external;
mod instances;
mod server;
mod statistics;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;

use crate::apply::SeriesArgs;
use crate::console::Console;
use crate::guests::{Build, Guests};
use crate::home::Home;
use crate::host::cache::Cache;
use crate::host::denial::Denials;
use crate::host::{Kind, Rights, component, engine, parse_duration};
use crate::setup::{self, Panic};
use crate::source::Source;

use instances::{Instances, MOST};
use server::Server;

/// How long requests may go on after Ctrl-C.
const GRACE: Duration = Duration::from_secs(5);

/// How often a guest that computes takes a turn with the event loop, where
/// there is a time limit.
const TURN: Duration = Duration::from_millis(10);

/// Serve HTTP by a component that exports `wasi:http/incoming-handler`, with
/// no right but those that are given here.
///
/// It prints its URL, and serves HTTP/1.1 until Ctrl-C. A guest that traps is
/// a response of status 500 and a backtrace here; one that takes longer than
/// `--timeout` allows is status 504.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    #[command(flatten)]
    rights: Rights,

    /// The address to listen on; port 0 is any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    addr: SocketAddr,

    /// How many requests an instance may answer, one after the other, before a
    /// new one takes its place
    #[arg(long, value_name = "NUMBER", default_value_t = 1,
        value_parser = clap::value_parser!(u64).range(1..))]
    max_instance_reuse_count: u64,

    /// How long an instance is kept that has nothing to do
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "1s")]
    idle_instance_timeout: Duration,

    /// The longest that a guest may take for one request, with its response's
    /// body and all that it does afterwards (500ms, 30s, 2m)
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    timeout: Option<Duration>,

    /// Which host serves the component
    #[arg(long, value_enum, env = "CARGO_WASIP2_HOST", default_value_t = Kind::Builtin)]
    host: Kind,

    /// Compile the component anew and keep nothing
    #[arg(long)]
    no_cache: bool,

    /// Write what was counted to this file at the end, as JSON: requests,
    /// instances, traps, resources left
    #[arg(long, value_name = "FILE")]
    statistics: Option<PathBuf>,

    /// Build and serve this example, one of those in compat-tests/servers
    #[arg(long, value_name = "NAME", required_unless_present = "component")]
    example: Option<String>,

    /// Build the example with optimisation
    #[arg(long, short, requires = "example")]
    release: bool,

    /// What a panic does in the example
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "STRATEGY",
        requires = "example"
    )]
    panic: Panic,

    /// Build the example and print where its component is, but do not serve it
    #[arg(long, requires = "example")]
    no_run: bool,

    #[command(flatten)]
    series: SeriesArgs,

    /// The component's file
    #[arg(value_name = "COMPONENT", conflicts_with = "example")]
    component: Option<PathBuf>,
}

/// Runs the verb, until Ctrl-C.
pub fn run(arguments: &ServeArgs, home: &Home, console: &Console) -> Result<u8> {
    let path = match (&arguments.component, &arguments.example) {
        (Some(component), _) => component.clone(),
        (None, Some(example)) => build(example, arguments, home, console)?,
        (None, None) => unreachable!("clap asks for one of them"),
    };
    if arguments.no_run {
        println!("{}", path.display());
        return Ok(0);
    }

    if arguments.host != Kind::Builtin {
        return external::run(arguments, &path, home, console);
    }
    let engine = engine::serving(arguments.timeout.is_some(), MOST)?;
    let cache_directory = home.directory("cache")?;
    let cache = Cache::new(&cache_directory);
    let cache = (!arguments.no_cache).then_some(&cache);
    let component = component::load(&engine, &path, cache)?;
    let denials = Denials::default();
    let instances = Instances::new(&engine, &component, &path, arguments, denials.clone())
        .with_context(|| format!("{} cannot serve", path.display()))?;
    if arguments.timeout.is_some() {
        // It ends with the process.
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(TURN);
                engine.increment_epoch();
            }
        });
    }
    let instances = Server::bind(arguments.addr, instances, *console)?.run()?;
    denials.tell(console);
    if let Some(path) = &arguments.statistics {
        instances.statistics.write(path)?;
    }
    Ok(0)
}

fn build(example: &str, arguments: &ServeArgs, home: &Home, console: &Console) -> Result<PathBuf> {
    let installed = setup::ensure(home, console)?;
    let series = arguments.series.all(home)?;
    let servers = Source::find(home)?.servers();
    let guests = Guests::stage_in(
        "servers",
        &servers,
        &series,
        &arguments.series,
        home,
        console,
    )?;
    let build = Build {
        profile: arguments.release.then_some("release"),
        offline: arguments.series.offline,
        unwinding: installed.unwinding(arguments.panic, home, console)?,
        ..Build::default()
    };
    guests.build(example, &build, console)
}
