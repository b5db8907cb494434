//! `cargo wasip2`: carries the patches with which the async Rust ecosystem
//! runs in WebAssembly components, and everything that is needed to use them.
//!
//! Each verb is a module of its name, and thin: what it does is in the crates
//! below, which say so on their first pages. `setup` makes the target usable
//! and `doctor` says what is missing (`wasip2-toolchain`); `apply` turns a
//! series of patches into a patched tree, and `init` has a project build with
//! the trees (`wasip2-series`); `host`, `serve`, `preinit` and `compose` run what was
//! built (`wasip2-host`); `run` does all of that for an example.
//!
//! `test`, `suite`, `matrix`, `survey`, `bench`, `branch`, `bump` and `lint` are for a
//! checkout of the project: [`lab`] hands them over to `wasip2-lab`, which is
//! built there and not a part of this program.

mod apply;
mod cli;
mod doctor;
mod init;
mod lab;
mod run;
mod serve;
mod setup;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use wasip2_ground::command_line::{self, Shown};
use wasip2_ground::{Console, Home, interrupt};
use wasip2_host::{compose, preinit};

use cli::{Cli, Verb};

fn main() -> ExitCode {
    let cli = Cli::parse_from(command_line::arguments());
    let console = cli.shown.console();
    command_line::end(run(&cli.verb, &cli.shown, &console), &console)
}

fn run(verb: &Verb, shown: &Shown, console: &Console) -> Result<u8> {
    let home = Home::find()?.offline(verb.is_offline());
    if verb.puts_in_order() {
        interrupt::note()?;
        home.sweep();
    }
    match verb {
        Verb::Setup(arguments) => setup::run(arguments, &home, console).map(|()| 0),
        Verb::Doctor(arguments) => {
            doctor::run(arguments, &home, console).map(|well| u8::from(!well))
        }
        Verb::Apply(arguments) => apply::run(arguments, &home, console).map(|()| 0),
        Verb::Init(arguments) => init::run(arguments, &home, console).map(|()| 0),
        Verb::Run(arguments) => run::run(arguments, &home, console),
        Verb::Host(arguments) => wasip2_host::run(arguments, &home, console),
        Verb::Serve(arguments) => serve::run(arguments, &home, console),
        Verb::Preinit(arguments) => preinit::run(arguments, console),
        Verb::Compose(arguments) => compose::run(arguments, console),
        Verb::Lab(verb) => lab::run(verb, shown, &home, console),
    }
}
