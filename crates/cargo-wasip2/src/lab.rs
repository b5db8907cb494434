//! The verbs of the laboratory, which only a checkout has: what is measured,
//! tested and sent upstream there, by a program that is built there.

use std::ffi::OsString;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use wasip2_ground::cargo::cargo;
use wasip2_ground::command_line::{self, Shown};
use wasip2_ground::{Console, Home, Process};
use wasip2_series::Source;

/// A verb of `wasip2-lab`.
#[derive(Debug, Subcommand)]
pub enum LabVerb {
    /// In a checkout of cargo-wasip2: run all of its tests
    Test(LabArgs),
    /// In a checkout: run an upstream crate's own tests in components
    Suite(LabArgs),
    /// In a checkout: show what runs, upstream beside patched
    Matrix(LabArgs),
    /// In a checkout: show what people use, and what of it builds
    Survey(LabArgs),
    /// In a checkout: compare native, patched, released and peers
    Bench(LabArgs),
    /// In a checkout: break connections, and see that nothing else breaks
    Faults(LabArgs),
    /// In a checkout: make a git branch of a series for a pull request
    Branch(LabArgs),
    /// In a checkout: carry a series over to the next release
    Bump(LabArgs),
    /// In a checkout: check the patches as a maintainer would
    Lint(LabArgs),
}

/// All that follows such a verb. It is handed over as it was typed: clap takes
/// a `--` away.
#[derive(Args, Debug)]
#[command(disable_help_flag = true)]
pub struct LabArgs {
    /// Whatever the verb takes; `--help` shows it
    #[arg(
        value_name = "ARGS",
        allow_hyphen_values = true,
        trailing_var_arg = true
    )]
    words: Vec<OsString>,
}

impl LabVerb {
    fn name(&self) -> &'static str {
        match self {
            LabVerb::Test(_) => "test",
            LabVerb::Suite(_) => "suite",
            LabVerb::Matrix(_) => "matrix",
            LabVerb::Survey(_) => "survey",
            LabVerb::Bench(_) => "bench",
            LabVerb::Faults(_) => "faults",
            LabVerb::Branch(_) => "branch",
            LabVerb::Bump(_) => "bump",
            LabVerb::Lint(_) => "lint",
        }
    }

    /// Whether it measures, so that the host and what loads it have to be
    /// optimised: as a development build has them, they halve every figure.
    fn measures(&self) -> bool {
        // The value of `--profile`, which is bench's own.
        let dev = |words: &[OsString]| {
            words
                .iter()
                .any(|word| word == "dev" || word == "--profile=dev")
        };
        match self {
            LabVerb::Bench(arguments) => !dev(&arguments.words),
            LabVerb::Faults(arguments) => {
                let release = |word: &OsString| word == "--release" || word == "-r";
                arguments.words.iter().any(release)
            }
            _ => false,
        }
    }
}

/// Builds `wasip2-lab` in the checkout and has it do the verb; gives back its
/// exit code.
pub fn run(verb: &LabVerb, shown: &Shown, home: &Home, console: &Console) -> Result<u8> {
    let name = verb.name();
    let words = command_line::arguments()
        .skip_while(|word| word != name)
        .skip(1);
    let source = Source::find(home)?;
    let checkout = source.checkout().with_context(|| {
        let instead = match name {
            "test" => {
                "; a project of yours is tested with `cargo test --target wasm32-wasip2`, after \
                 `cargo wasip2 init`"
            }
            _ => "",
        };
        format!(
            "`{name}` is a verb of a checkout of cargo-wasip2: clone its repository and run \
             `cargo wasip2 {name}` there{instead}"
        )
    })?;
    let mut process = Process::new(cargo())
        .args([
            "run",
            "--quiet",
            "--package",
            "wasip2-lab",
            "--bin",
            "wasip2-lab",
        ])
        .arg("--manifest-path")
        .arg(checkout.join("Cargo.toml"));
    if verb.measures() {
        console.status(
            "Building",
            "the host with optimisation, once: an unoptimised one halves every figure",
        );
        process = process.arg("--release");
    }
    let status = process
        .arg("--")
        .args(shown.words())
        .arg(name)
        .args(words)
        .status(console)?;
    Ok(wasip2_host::exit_code(status))
}
