//! `cargo wasip2`: carries the patches with which the async Rust ecosystem
//! runs in WebAssembly components, and everything that is needed to use them.
//!
//! Each verb is a module of its name. [`setup`] makes the target usable,
//! [`apply`] turns a series of patches into a patched tree, [`init`] has a
//! project build with the trees, [`host`] runs what was built. [`branch`] makes
//! of a series what upstream could merge, [`lint`] says whether it would, and
//! [`bump`] carries it over to the next release.

mod apply;
mod bench;
mod branch;
mod bump;
mod cli;
mod console;
mod doctor;
mod guests;
mod home;
mod host;
mod init;
mod lint;
mod matrix;
mod mirror;
mod page;
mod patch;
mod preinit;
mod process;
#[cfg(test)]
mod readme;
mod run;
mod series;
mod serve;
mod services;
mod setup;
mod shims;
mod source;
mod suite;
mod test;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use cli::{Cli, Color, Verb};
use console::Console;
use home::Home;

fn main() -> ExitCode {
    let cli = Cli::parse_from(arguments());
    let color = cli.color.map(|color| match color {
        Color::Auto => "auto",
        Color::Always => "always",
        Color::Never => "never",
    });
    let console = Console::new(cli.verbosity(), color);
    match run(&cli.verb, &console) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            console.error(chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(verb: &Verb, console: &Console) -> Result<u8> {
    let home = Home::find()?;
    match verb {
        Verb::Setup(arguments) => setup::run(arguments, &home, console).map(|()| 0),
        Verb::Doctor(arguments) => {
            doctor::run(arguments, &home, console).map(|well| u8::from(!well))
        }
        Verb::Apply(arguments) => apply::run(arguments, &home, console).map(|()| 0),
        Verb::Branch(arguments) => branch::run(arguments, &home, console).map(|()| 0),
        Verb::Bump(arguments) => bump::run(arguments, &home, console).map(|done| u8::from(!done)),
        Verb::Lint(arguments) => lint::run(arguments, &home, console).map(|sound| u8::from(!sound)),
        Verb::Init(arguments) => init::run(arguments, &home, console).map(|()| 0),
        Verb::Run(arguments) => run::run(arguments, &home, console),
        Verb::Test(arguments) => test::run(arguments, &home, console),
        Verb::Suite(arguments) => suite::run(arguments, &home, console),
        Verb::Matrix(arguments) => matrix::run(arguments, &home, console),
        Verb::Bench(arguments) => bench::run(arguments, &home, console),
        Verb::Host(arguments) => host::run(arguments, &home, console),
        Verb::Serve(arguments) => serve::run(arguments, &home, console),
        Verb::Preinit(arguments) => preinit::run(arguments, console),
    }
}

/// An error and what led to it, as cargo prints them.
fn chain(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    let mut causes = error.chain().skip(1).peekable();
    if causes.peek().is_some() {
        text.push_str("\n\nCaused by:");
    }
    for cause in causes {
        for line in cause.to_string().lines() {
            text.push_str("\n  ");
            text.push_str(line);
        }
    }
    text
}

/// The arguments; cargo puts the subcommand's own name before them.
fn arguments() -> impl Iterator<Item = OsString> {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    if arguments.get(1).is_some_and(|word| word == "wasip2") {
        arguments.remove(1);
    }
    arguments.into_iter()
}
