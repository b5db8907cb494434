//! `wasip2-host`: the hosts by themselves, for whoever has components and
//! neither builds nor patches any.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use wasip2_ground::command_line::{self, STYLES, Shown};
use wasip2_ground::{Console, Home};
use wasip2_host::compose::{self, ComposeArgs};
use wasip2_host::preinit::{self, PreinitArgs};
use wasip2_host::{HostArgs, ServeArgs};

/// Run and serve WebAssembly components, with no right but those that are
/// given.
#[derive(Debug, Parser)]
#[command(
    version,
    styles = STYLES,
    after_help = "Exit codes: 0 success, 1 failure, 2 wrong usage, 124 time limit, 130 Ctrl-C,\n\
                  134 a guest's trap; `run` passes on the guest's own."
)]
struct Cli {
    /// What to do
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    shown: Shown,
}

#[derive(Debug, Subcommand)]
enum Verb {
    #[command(alias = "host")]
    Run(HostArgs),
    Serve(ServeArgs),
    Preinit(PreinitArgs),
    Compose(ComposeArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse_from(command_line::arguments());
    let console = cli.shown.console();
    command_line::end(run(&cli.verb, &console), &console)
}

fn run(verb: &Verb, console: &Console) -> Result<u8> {
    let home = Home::find()?;
    match verb {
        Verb::Run(arguments) => wasip2_host::run(arguments, &home, console),
        Verb::Serve(arguments) => wasip2_host::serve(arguments, &home, console),
        Verb::Preinit(arguments) => preinit::run(arguments, console),
        Verb::Compose(arguments) => compose::run(arguments, console),
    }
}
