//! Has a component answer its first request before it is deployed: `cargo
//! wasip2 preinit`.
//!
//! A host that makes an instance for every request has each of them make its
//! Tokio runtime and its routes anew. Here one instance does so, answers, and
//! what is in its memory then becomes the memory that every instance begins
//! with. To the component it is as if the host had reused an instance, which
//! any host may do.
//!
//! wasmtime's Wizer reads the memory and writes the component. What is ours is
//! to tell when that would not be sound: see [`PreinitArgs`].

mod clock;
mod failure;
mod random;
mod request;
mod resources;
mod snapshot;
mod warm_up;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use indicatif::ProgressBar;
use wasmtime_wizer::Wizer;

use crate::console::Console;
use crate::host::denial::Denials;
use crate::host::{Loader, Mode, Rights, component, event_loop, parse_duration};
use crate::init::project::write_whole;

use failure::Failure;
use request::Request;
use warm_up::{Candidate, Time, WarmInstance};

/// What the name of a pre-initialised component ends in, unless `--output`
/// says otherwise.
const SUFFIX: &str = "preinit.wasm";

/// Pre-initialise a component that exports `wasi:http/incoming-handler`: have
/// it answer a request, and keep what is in its memory then as that with which
/// every instance begins.
///
/// Where a host makes an instance for each request, that spares each the start
/// of its Tokio runtime, its routes, its configuration, and all else that it
/// does once. It prints the path of what it wrote, which any host can serve.
///
/// Every instance goes on from the same memory, and the file holds all of it.
/// So a component that asked for one environment variable has the whole
/// environment from then on, secrets that were given with `--env` included,
/// whatever its instances are given; files and the time of day are as they were
/// when they were read. An instance that still holds something of its host's,
/// such as an open file or a connection, or that drew random numbers, is
/// refused. The seed from which a program makes the keys of its hash maps is
/// random, but the same in every instance, and so is what other generators make
/// of it: pre-initialise anew for each deployment. The clock stands still
/// meanwhile, so that a wait for a timer never ends.
#[derive(Args, Clone, Debug)]
pub struct PreinitArgs {
    #[command(flatten)]
    rights: Rights,

    /// A request to answer before; may be repeated. Each is sent once more to
    /// the result, to see that it answers
    #[arg(
        long = "request",
        value_name = "[METHOD ]PATH",
        default_values_t = [Request::default()]
    )]
    requests: Vec<Request>,

    /// Where to write the result [default: beside the component,
    /// NAME.preinit.wasm]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The longest that a request may take (500ms, 30s, 2m)
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "30s")]
    timeout: Duration,

    /// No instance will be given a directory: let the component keep in memory
    /// that there is none, as soon as it asks. Whatever waits through Tokio asks
    #[arg(long, conflicts_with = "directories")]
    no_dir: bool,

    /// Allow the component to draw random numbers before; what it keeps of
    /// them, such as a generator's state, is no secret and is the same in every
    /// instance
    #[arg(long)]
    allow_random: bool,

    /// The component's file
    #[arg(value_name = "COMPONENT")]
    component: PathBuf,
}

impl PreinitArgs {
    /// What is used for `component` where nothing else is said.
    pub fn of(component: PathBuf) -> PreinitArgs {
        PreinitArgs {
            rights: Rights::default(),
            requests: vec![Request::default()],
            output: None,
            timeout: Duration::from_secs(30),
            no_dir: false,
            allow_random: false,
            component,
        }
    }

    /// Where the result is written.
    pub fn output(&self) -> PathBuf {
        match &self.output {
            Some(output) => output.clone(),
            None => self.component.with_extension(SUFFIX),
        }
    }
}

/// Runs the verb; gives back the exit code.
pub fn run(arguments: &PreinitArgs, console: &Console) -> Result<u8> {
    let denials = Denials::default();
    let made = make(arguments, denials.clone(), console);
    denials.tell(console);
    match made {
        Ok(()) => {
            println!("{}", arguments.output().display());
            Ok(0)
        }
        Err(failure) => failure.end(arguments, console),
    }
}

/// Pre-initialises the component, and writes the result.
pub fn make(arguments: &PreinitArgs, denials: Denials, console: &Console) -> Result<(), Failure> {
    let output = arguments.output();
    if output.is_dir() {
        let error = anyhow!(
            "{} (--output) is a directory; name a file in it",
            output.display()
        );
        return Err(error.into());
    }
    let wasm = component::read(&arguments.component)?;
    let spinner = console.spinner("Starting", arguments.component.display());
    let snapshot = snapshot(&wasm, arguments, denials, &spinner, console);
    spinner.finish_and_clear();
    let snapshot = snapshot?;

    let absolute = std::path::absolute(&output).map_err(anyhow::Error::from)?;
    write_whole(&absolute, &snapshot)?;
    console.status(
        "Finished",
        format!(
            "pre-initialised with {}: {} bytes ({:+})",
            match &arguments.requests[..] {
                [one] => format!("`{one}`"),
                all => format!("{} requests", all.len()),
            },
            snapshot.len(),
            snapshot.len() as i64 - wasm.len() as i64,
        ),
    );
    Ok(())
}

/// The component `wasm` with the memory of an instance that has answered, and
/// that others can go on from.
fn snapshot(
    wasm: &[u8],
    arguments: &PreinitArgs,
    denials: Denials,
    spinner: &ProgressBar,
    console: &Console,
) -> Result<Vec<u8>, Failure> {
    let loader = Loader::new(Mode::Async)?;
    let wizer = Wizer::new();
    let (context, instrumented) = wizer
        .instrument_component(wasm)
        .map_err(anyhow::Error::from)
        .with_context(|| {
            format!(
                "{} cannot be pre-initialised",
                arguments.component.display()
            )
        })?;
    let candidate = Candidate::new(
        &loader,
        &instrumented,
        Time::Still,
        arguments,
        denials.clone(),
    )?;
    let mut warm = event_loop::run(candidate.serve()).map_err(anyhow::Error::from)??;
    warm.check(arguments)?;
    spinner.suspend(|| warn(&warm, arguments, console));

    spinner.set_prefix("Writing");
    let snapshot = tokio::runtime::Builder::new_current_thread()
        .build()
        .context("the host's event loop could not be made")?
        .block_on(wizer.snapshot_component(&context, &mut warm))
        .map_err(anyhow::Error::from)
        .context("the memory of the instance could not be read")?;
    drop(warm);

    spinner.set_prefix("Checking");
    let candidate = Candidate::new(&loader, &snapshot, Time::Passing, arguments, denials)
        .map_err(|error| Failure::from(error).after())?;
    event_loop::run(candidate.serve())
        .map_err(anyhow::Error::from)?
        .map_err(Failure::after)?;
    Ok(snapshot)
}

/// Warns of what is allowed and may not be meant.
fn warn(warm: &WarmInstance, arguments: &PreinitArgs, console: &Console) {
    for (request, status) in &warm.answers {
        if status.is_client_error() {
            console.warn(format!("`{request}` was answered with {status}"));
        }
    }
    if warm.store.data().asked_environment {
        let variables = arguments.rights.environment();
        let names = variables.iter().map(|(name, _)| name.as_str());
        console.warn(format!(
            "the component asked for its environment, which is kept as it is now, in memory and \
             in the file: {}; instances that are given another do not see it",
            match variables.is_empty() {
                true => "no variables".to_owned(),
                false => names.collect::<Vec<_>>().join(", "),
            }
        ));
    }
}
