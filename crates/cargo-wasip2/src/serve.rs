//! `cargo wasip2 serve`: a component as an HTTP server, one of the examples or
//! any other.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use wasip2_ground::{Console, Home, Wasi};
use wasip2_series::workspace::{Build, Guests};
use wasip2_series::{SeriesArgs, Source};
use wasip2_toolchain::{self as toolchain, Panic, unwinding};

/// Serve HTTP by a component that exports `wasi:http/incoming-handler`, or
/// `wasi:http/handler` of WASI 0.3, with no right but those that are given here.
///
/// It prints its URL, and serves HTTP/1.1 until Ctrl-C. A guest that traps is
/// a response of status 500 and a backtrace here; one that takes longer than
/// `--timeout` allows is status 504.
#[derive(Args, Clone, Debug)]
#[group(skip)]
#[command(mut_arg("component", |component| {
    component.required(false).required_unless_present("example").conflicts_with("example")
}))]
pub struct ServeArgs {
    #[command(flatten)]
    serve: wasip2_host::ServeArgs,

    /// Build and serve this example, one of those in
    /// compat-tests/programs/servers
    #[arg(long, value_name = "NAME")]
    example: Option<String>,

    /// The version of WASI to build the example for
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "VERSION",
        requires = "example"
    )]
    wasi: Wasi,

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
    pub series: SeriesArgs,
}

/// Runs the verb, until Ctrl-C; gives back the exit code.
pub fn run(arguments: &ServeArgs, home: &Home, console: &Console) -> Result<u8> {
    let mut serve = arguments.serve.clone();
    if let Some(example) = &arguments.example {
        let component = build(example, arguments, home, console)?;
        if arguments.no_run {
            println!("{}", component.display());
            return Ok(0);
        }
        serve.component = Some(component);
    }
    wasip2_host::serve(&serve, home, console)
}

fn build(example: &str, arguments: &ServeArgs, home: &Home, console: &Console) -> Result<PathBuf> {
    let installed = toolchain::ensure(home, console)?;
    let series = arguments.series.all(home)?;
    let servers = Source::find(home)?.servers();
    let guests = Guests::stage(
        "servers",
        &servers,
        &series,
        arguments.wasi,
        &arguments.series,
        home,
        console,
    )?;
    let build = Build {
        profile: arguments.release.then_some("release"),
        offline: arguments.series.offline,
        unwinding: unwinding::unwinding(arguments.panic, &installed, home, console)?,
        ..Build::default()
    };
    guests.build(example, &build, console)
}
