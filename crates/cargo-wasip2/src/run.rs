//! `cargo wasip2 run`: a guest on the patched crates, in the host, beside a
//! real HTTP server.

use anyhow::{Context, Result};
use clap::Args;
use wasip2_demo_server::DemoServer;

use wasip2_ground::{Console, Home, Wasi};
use wasip2_host::{Directory, HostArgs, Kind, Mode, Rights, Variable};
use wasip2_series::workspace::{Build, Guests};
use wasip2_series::{SeriesArgs, Source};
use wasip2_toolchain::{self as toolchain, Panic, libc, unwinding};

/// The guest that runs where none is named.
const DEMO: &str = "demo";

/// Build and run an example on tokio and reqwest; sets up all that is missing.
///
/// Without `--example` it is the demo: many HTTP requests, one after the other
/// and then at once, in one table. A real HTTP server on loopback answers; the
/// environment variable SERVER tells the guest its URL. Arguments after `--`
/// go to the guest.
#[derive(Args, Debug)]
pub struct RunArgs {
    /// The guest to run, one of those in compat-tests/programs/guests
    #[arg(long, value_name = "NAME", default_value = DEMO)]
    example: String,
    /// The version of WASI to build it for
    #[arg(long, value_enum, default_value_t, value_name = "VERSION")]
    wasi: Wasi,
    /// Build with optimisation
    #[arg(long, short)]
    release: bool,
    /// Link this variant of wasi-libc instead of the toolchain's
    #[arg(long, value_name = "VARIANT")]
    libc: Option<String>,
    /// Give blocking tasks stacks of their own, as `init --threads` does
    #[arg(long, conflicts_with = "panic")]
    threads: bool,
    /// What a panic does
    #[arg(long, value_enum, default_value_t, value_name = "STRATEGY")]
    panic: Panic,
    /// How the host's WASI functions wait
    #[arg(long, value_enum, default_value_t = Mode::Async)]
    mode: Mode,
    /// Which host runs the component
    #[arg(long, value_enum, env = "CARGO_WASIP2_HOST", default_value_t = Kind::Builtin)]
    host: Kind,
    /// Build the guest and print where its component is, but do not run it
    #[arg(long)]
    no_run: bool,
    #[command(flatten)]
    pub series: SeriesArgs,
    /// Arguments for the guest
    #[arg(value_name = "ARGS", last = true)]
    arguments: Vec<String>,
}

/// Runs the verb; gives back the guest's exit code.
pub fn run(arguments: &RunArgs, home: &Home, console: &Console) -> Result<u8> {
    let installed = toolchain::ensure(home, console)?;
    let libc = match &arguments.libc {
        Some(variant) => Some(libc::libc_directory(variant, home, console)?),
        None => None,
    };
    let series = arguments.series.all(home)?;
    let source = Source::find(home)?;
    let guests = Guests::stage(
        "guests",
        &source.guests(),
        &series,
        arguments.wasi,
        &arguments.series,
        home,
        console,
    )?;
    let build = Build {
        profile: arguments.release.then_some("release"),
        libc,
        offline: arguments.series.offline,
        threads: arguments.threads,
        unwinding: unwinding::unwinding(arguments.panic, &installed, home, console)?,
        ..Build::default()
    };
    let component = guests.build(&arguments.example, &build, console)?;
    if arguments.no_run {
        println!("{}", component.display());
        return Ok(0);
    }

    let server = DemoServer::start().context("the HTTP server could not start")?;
    let mut host = HostArgs::new(&component, &arguments.arguments);
    host.rights = Rights {
        network: true,
        name_lookup: true,
        http: true,
        directories: vec![Directory {
            host: ".".into(),
            guest: ".".into(),
        }],
        variables: vec![Variable {
            name: "SERVER".into(),
            value: Some(server.url()),
        }],
        ..Rights::default()
    };
    host.mode = arguments.mode;
    host.host = arguments.host;
    console.status(
        "Running",
        format!(
            "{} in a component, against {}",
            arguments.example,
            server.url()
        ),
    );
    wasip2_host::run(&host, home, console)
}
