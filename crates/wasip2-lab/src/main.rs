//! The laboratory: what runs, how fast, and how patches go upstream. It works
//! in a checkout, and nobody who only uses the patches builds it.
//!
//! Each verb is a module of its name: [`mod@test`] runs all tests of the
//! checkout, [`suite`] an upstream crate's own ones in components, [`matrix`]
//! real crates against real servers ([`services`]), [`survey`] compiles what people
//! use, [`mod@bench`] measures, [`faults`] breaks connections;
//! [`branch`] makes of a series what upstream could merge, [`lint`] says whether
//! it would, and [`bump`] carries it over to the next release. [`page`] is the
//! shell of the pages that some of them write.
//!
//! Guests run in this process, by `wasip2-host`, or in a process of their own,
//! which is this very program with the verb `host` or `serve`; it composes them by
//! the verb `compose`.

mod bench;
mod branch;
mod bump;
mod checkout;
mod faults;
mod lint;
mod matrix;
mod notation;
mod page;
#[cfg(test)]
mod readme;
mod services;
mod suite;
mod survey;
mod test;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use wasip2_ground::command_line::{self, STYLES, Shown};
use wasip2_ground::{Console, Home, interrupt};
use wasip2_host::compose::{self, ComposeArgs};
use wasip2_host::{HostArgs, ServeArgs};

/// The verbs of `cargo wasip2` that a checkout has beside those of the
/// installed tool.
#[derive(Debug, Parser)]
#[command(name = "cargo wasip2", bin_name = "cargo wasip2", version, styles = STYLES)]
struct Cli {
    /// What to do
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    shown: Shown,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Test(test::TestArgs),
    Suite(suite::SuiteArgs),
    Survey(survey::SurveyArgs),
    Matrix(matrix::MatrixArgs),
    Bench(bench::BenchArgs),
    Faults(faults::FaultsArgs),
    Branch(branch::BranchArgs),
    Bump(bump::BumpArgs),
    Lint(lint::LintArgs),
    #[command(hide = true)]
    Host(HostArgs),
    #[command(hide = true)]
    Serve(ServeArgs),
    #[command(hide = true)]
    Compose(ComposeArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse_from(command_line::arguments());
    let console = cli.shown.console();
    command_line::end(run(&cli.verb, &console), &console)
}

impl Verb {
    /// Whether it is to keep from the network.
    fn is_offline(&self) -> bool {
        let series = match self {
            Verb::Test(arguments) => &arguments.series,
            Verb::Suite(arguments) => &arguments.series,
            Verb::Survey(arguments) => &arguments.series,
            Verb::Matrix(arguments) => &arguments.series,
            Verb::Bench(arguments) => &arguments.series,
            Verb::Faults(arguments) => &arguments.series,
            Verb::Branch(arguments) => &arguments.series,
            Verb::Bump(arguments) => &arguments.series,
            Verb::Lint(arguments) => &arguments.series,
            // These build nothing.
            Verb::Host(_) | Verb::Serve(_) | Verb::Compose(_) => return false,
        };
        series.offline
    }

    /// Whether it puts what it was at in order after Ctrl-C. The others say what
    /// that does themselves, or are ended by it where they are.
    fn puts_in_order(&self) -> bool {
        matches!(self, Verb::Branch(_) | Verb::Bump(_) | Verb::Lint(_))
    }
}

fn run(verb: &Verb, console: &Console) -> Result<u8> {
    let home = &Home::find()?.offline(verb.is_offline());
    if verb.puts_in_order() {
        interrupt::note()?;
        home.sweep();
    }
    match verb {
        Verb::Test(arguments) => test::run(arguments, home, console),
        Verb::Suite(arguments) => suite::run(arguments, home, console),
        Verb::Survey(arguments) => survey::run(arguments, home, console),
        Verb::Matrix(arguments) => matrix::run(arguments, home, console),
        Verb::Bench(arguments) => bench::run(arguments, home, console),
        Verb::Faults(arguments) => faults::run(arguments, home, console),
        Verb::Branch(arguments) => branch::run(arguments, home, console).map(|()| 0),
        Verb::Bump(arguments) => bump::run(arguments, home, console).map(|done| u8::from(!done)),
        Verb::Lint(arguments) => lint::run(arguments, home, console).map(|sound| u8::from(!sound)),
        Verb::Host(arguments) => wasip2_host::run(arguments, home, console),
        Verb::Serve(arguments) => wasip2_host::serve(arguments, home, console),
        Verb::Compose(arguments) => compose::run(arguments, console),
    }
}
