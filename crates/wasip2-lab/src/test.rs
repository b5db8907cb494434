//! `cargo wasip2 test`: all tests of this repository.

use anyhow::Result;
use clap::Args;

use crate::checkout::Checkout;
use wasip2_ground::cargo::cargo;
use wasip2_ground::{Console, Home, Process, Wasi};
use wasip2_series::SeriesArgs;
use wasip2_series::workspace::{Build, Guests};

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
    pub series: SeriesArgs,
}

/// Runs the verb; gives back the exit code.
pub fn run(arguments: &TestArgs, home: &Home, console: &Console) -> Result<u8> {
    let checkout = Checkout::find(home)?;
    wasip2_toolchain::ensure(home, console)?;
    // What tests build is built once here, where its progress can be seen,
    // and found made by each of them.
    let series = arguments.series.all(home)?;
    for (place, source) in [
        ("guests", checkout.source.guests()),
        ("servers", checkout.source.servers()),
    ] {
        let guests = Guests::stage(
            place,
            &source,
            &series,
            Wasi::P2,
            &arguments.series,
            home,
            console,
        )?;
        for guest in guests.list(console)? {
            guests.build(&guest.name, &Build::default(), console)?;
        }
    }
    let status = Process::new(cargo())
        .current_dir(checkout.root())
        .args(["test", "--workspace"])
        .args(&arguments.arguments)
        .status(console)?;
    Ok(status.code().map_or(1, |code| code as u8))
}
