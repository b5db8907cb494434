//! `cargo wasip2 faults`: connections that break in every way, and nothing else
//! that does.
//!
//! The contract: an exchange with which something went wrong may end by an
//! error, in time; never by a byte that nobody sent, nor by a body that looks
//! whole and is not. One with which nothing went wrong succeeds, whatever
//! happens to those beside it. When all is over, the host has as many
//! resources, the guest as much memory and the process as many descriptors as
//! before. All ends are processes of their own and real programs: those of
//! `compat-tests/programs/servers/exchanges`, as components on one side, and
//! natively, from the released crates, on the other. In between is
//! [`UnreliableProxy`](wasip2_fixtures::UnreliableProxy).
//!
//! [`programs`] builds, [`setting`] has one side tested, [`peer`] is a program
//! that runs, [`outcome`] what came of it.

mod outcome;
mod peer;
mod programs;
mod setting;

use std::hash::{BuildHasher, RandomState};

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::checkout::Checkout;
use programs::Programs;
use setting::Setting;
use wasip2_ground::interrupt::{self, INTERRUPTED};
use wasip2_ground::{Console, Home};
use wasip2_series::SeriesArgs;

/// Break connections, and see that nothing else breaks.
///
/// A client and a server exchange requests and responses whose every byte both
/// know, through a proxy that delays, drips, swallows, ends, half-closes and
/// resets connections at any byte, puts garbage before heads and changes
/// lengths. One side is a component, the other a native program. The same seed
/// and numbers give the same exchanges the same faults:
///
///     cargo wasip2 faults                            a few of everything
///     cargo wasip2 faults --seed 7 --first 120 --count 1
///     cargo wasip2 faults --side server --count 100000 --release
///
/// Whatever is wrong makes the exit code 1.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct FaultsArgs {
    /// What is drawn follows from it; a fresh one by default
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// How many exchanges each setting has
    #[arg(long, value_name = "NUMBER", default_value_t = 1000,
        value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// The number of the first exchange
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    first: u64,
    /// How many exchanges are under way at once
    #[arg(long, value_name = "NUMBER", default_value_t = 16,
        value_parser = clap::value_parser!(u32).range(1..=1000))]
    at_once: u32,
    /// Only this side as a component
    #[arg(long, value_enum)]
    side: Option<Side>,
    /// Only with this below it
    #[arg(long, value_enum)]
    engine: Option<Engine>,
    /// Build the programs, and the host, with optimisation
    #[arg(long, short)]
    release: bool,
    /// Change bytes of bodies, too, which has to be found: for the tests of this
    /// repository
    #[arg(long, hide = true)]
    lying: bool,
    /// Print what happened as JSON, a line for each setting
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub series: SeriesArgs,
}

/// Which end is a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
enum Side {
    Client,
    Server,
}

/// What the component sends or answers requests through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
enum Engine {
    /// The host's own HTTP
    WasiHttp,
    /// Sockets
    Sockets,
}

/// Runs the verb; gives back the exit code.
pub fn run(arguments: &FaultsArgs, home: &Home, console: &Console) -> Result<u8> {
    let checkout = Checkout::find(home)?;
    wasip2_toolchain::ensure(home, console)?;
    let seed = (arguments.seed).unwrap_or_else(|| RandomState::new().hash_one(0) >> 32);
    let settings: Vec<Setting> = Setting::all()
        .into_iter()
        .filter(|setting| arguments.side.is_none_or(|side| side == setting.side))
        .filter(|setting| {
            arguments
                .engine
                .is_none_or(|engine| engine == setting.engine)
        })
        .collect();
    let programs = Programs::build(&settings, arguments, &checkout, home, console)?;
    interrupt::note()?;
    let mut sound = true;
    for setting in settings {
        console.status(
            "Breaking",
            format!(
                "connections: {setting}, {} exchanges, --seed {seed}",
                arguments.count
            ),
        );
        let outcome = setting.run(&programs, seed, arguments, console);
        if interrupt::noted() {
            return Ok(INTERRUPTED);
        }
        // It ended in the middle, as it must not.
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                console.error(format!("{setting}: {error:#}"));
                sound = false;
                continue;
            }
        };
        match arguments.json {
            true => println!("{}", serde_json::to_string(&outcome)?),
            false => println!("{outcome}"),
        }
        for wrong in &outcome.wrong {
            console.error(format!("{setting}: {wrong}"));
        }
        sound &= outcome.wrong.is_empty();
    }
    if !sound {
        console.error(format!(
            "something is wrong; `--seed {seed}` and the numbers draw the same faults again"
        ));
    }
    Ok(u8::from(!sound))
}
