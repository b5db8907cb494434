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

mod arguments;
mod clock;
mod failure;
mod random;
mod request;
mod resources;
mod snapshot;
mod warm_up;

use anyhow::{Context, Result, anyhow};

use wasmtime_wizer::Wizer;

use crate::arguments::Mode;
use crate::component;
use crate::interfaces::Interfaces;
use crate::program::Loader;
use crate::wasi::p2::denial::Denials;
use crate::wasi::p2::event_loop;
use wasip2_ground::console::ProgressBar;
use wasip2_ground::files::write_whole;
use wasip2_ground::{Console, interrupt};

pub use arguments::PreinitArgs;
use clock::Time;
pub use failure::Failure;
use warm_up::{Candidate, WarmInstance};

/// Runs the verb; gives back the exit code. Ctrl-C ends it where it is, but for
/// the moment in which the result takes its place.
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
    if let Some(flag) = arguments.rights.stand_ins.given() {
        let error = anyhow!(
            "`preinit` has no `{flag}`: what it keeps is for every host, and would be of that one; \
             give it to `serve`"
        );
        return Err(error.into());
    }
    let wasm = component::read(&arguments.component)?;
    Interfaces::of(&wasm).for_preinit().with_context(|| {
        format!(
            "{} cannot be pre-initialised",
            arguments.component.display()
        )
    })?;
    if component::proposals(&wasm).threads {
        let error = anyhow!(
            "{} has threads (`cargo wasip2 init --threads`), whose stacks no snapshot holds; build \
             it without",
            arguments.component.display()
        );
        return Err(error.into());
    }
    if component::is_composed(&wasm) {
        let error = anyhow!(
            "{} is composed of several components, and a snapshot holds the memory of one: \
             pre-initialise the handler by itself, and compose what comes out of it",
            arguments.component.display()
        );
        return Err(error.into());
    }
    let spinner = console.spinner("Starting", arguments.component.display());
    let snapshot = snapshot(&wasm, arguments, denials, &spinner, console);
    spinner.finish_and_clear();
    let snapshot = snapshot?;

    let absolute = std::path::absolute(&output).map_err(anyhow::Error::from)?;
    // Whoever listens to Ctrl-C already goes on doing so.
    let _ = interrupt::note();
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
