//! `cargo wasip2 test`: all tests of this repository.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use crate::apply::{SeriesArgs, cargo};
use crate::console::Console;
use crate::guests::{Build, Guests};
use crate::home::Home;
use crate::process::Process;
use crate::setup;
use crate::source::Source;

/// Run all tests of the cargo-wasip2 repository.
///
/// Sets up the toolchain, applies every series, builds the guests and runs
/// `cargo test --workspace`. A project of yours is tested with plain
/// `cargo test --target wasm32-wasip2` after `cargo wasip2 init`.
#[derive(Args, Debug)]
pub struct TestArgs {
    /// Arguments for `cargo test`, such as a filter
    #[arg(value_name = "ARGS", last = true)]
    arguments: Vec<String>,
    #[command(flatten)]
    series: SeriesArgs,
}

/// Runs the verb; gives back the exit code.
pub fn run(arguments: &TestArgs, home: &Home, console: &Console) -> Result<u8> {
    let source = Source::find(home)?;
    let root: PathBuf = source
        .checkout()
        .context(
            "this is no checkout of cargo-wasip2, whose tests this verb runs; a project of yours \
             is tested with `cargo test --target wasm32-wasip2`, after `cargo wasip2 init`",
        )?
        .to_owned();
    setup::ensure(home, console)?;
    // What tests build is built once here, where its progress can be seen,
    // and found made by each of them.
    let series = arguments.series.all(home)?;
    let guests = Guests::stage(&source.guests(), &series, &arguments.series, home, console)?;
    for guest in guests.list(console)? {
        guests.build(&guest.name, &Build::default(), console)?;
    }
    let servers = source.servers();
    let servers = Guests::stage_in(
        "servers",
        &servers,
        &series,
        &arguments.series,
        home,
        console,
    )?;
    for server in servers.list(console)? {
        servers.build(&server.name, &Build::default(), console)?;
    }
    let status = Process::new(cargo())
        .current_dir(&root)
        .args(["test", "--workspace"])
        .args(&arguments.arguments)
        .status(console)?;
    Ok(status.code().map_or(1, |code| code as u8))
}
