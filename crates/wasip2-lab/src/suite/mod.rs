//! `cargo wasip2 suite`: an upstream crate's own tests, in components.
//!
//! The contract: every test that the released crate runs on Linux is accounted
//! for. Either it passes here, or `compat-tests/expectations/<crate>.toml` says how
//! it ends instead and why; a test that passes although it is expected not to
//! is as much of a failure as the opposite. Each test runs in an instance of
//! its own, so that a trap, an abort or a hang costs that test and no other.

mod build;
mod definition;
mod linux;
mod outcome;
mod report;
mod stage;
mod subject;
mod trial;
mod update;
mod verdict;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Args;

use crate::checkout::Checkout;
use wasip2_ground::{Console, Home, Wasi};
use wasip2_host::Mode;
use wasip2_series::{Part, PartArgs, SeriesArgs, series};
use wasip2_toolchain::{Libc, Panic, Unwinding, libc, unwinding};

pub use definition::Way;
use definition::{Definition, PASSES};
use linux::LinuxTests;
use report::Report;
use stage::{Place, Stage};
use trial::Plan;
use verdict::Verdicts;

/// Run a crate's own tests, from its released package, in components.
///
/// The package is built with its series applied; each of its tests runs in an
/// instance of its own, with network, name lookup, HTTP and an empty `/tmp`. What
/// happens is compared with compat-tests/expectations/CRATE.toml, where every test
/// that Linux runs and that does not pass here has its reason:
///
///     cargo wasip2 suite tokio                 all of it
///     cargo wasip2 suite tokio -- time_sleep   tests with that in their name
///     cargo wasip2 suite tokio --upstream      the release as it is, to compare
///     cargo wasip2 suite tokio --parts A       with no more than that part of each series
///     cargo wasip2 suite tokio --native        the same tests on this machine
///     cargo wasip2 suite tokio --libc 161b319  linked with that wasi-libc
///     cargo wasip2 suite tokio --panic unwind  where panics can be caught
///     cargo wasip2 suite tokio --wasi 0.3      built for WASI 0.3
///
/// Tests are named BINARY::TEST, as in `time_sleep::immediate_sleep`; those
/// within the library begin with the crate's name. Any surprise, an unexpected
/// pass too, makes the exit code 1; `--update` writes what happened into the
/// file, where you then give the reasons.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct SuiteArgs {
    /// The crate: one that has a file in compat-tests/expectations
    #[arg(value_name = "CRATE")]
    krate: String,
    /// Test the release without its series; nothing is expected of it
    #[arg(long)]
    upstream: bool,
    /// Test on this machine instead of in components: every test on the list
    /// of those that Linux runs must pass
    #[arg(long)]
    native: bool,
    /// Link this variant of wasi-libc instead of the toolchain's
    #[arg(long, value_name = "VARIANT", conflicts_with = "native")]
    libc: Option<String>,
    /// How the host's WASI functions wait
    #[arg(long, value_enum, default_value_t = Mode::Async, conflicts_with = "native")]
    mode: Mode,
    /// The version of WASI that the tests are built for
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "VERSION",
        conflicts_with = "native"
    )]
    wasi: Wasi,
    /// What a panic does: with `unwind` it can be caught, and `#[should_panic]`
    /// tests run
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "STRATEGY",
        conflicts_with = "native"
    )]
    panic: Panic,
    /// Write what happened to every test to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write what happened into the suite's file; with `--native --upstream`,
    /// into the list of the tests that Linux runs
    #[arg(long, conflicts_with = "filter")]
    update: bool,
    /// How many tests run at once; as many as there are processors by default
    #[arg(long, short, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Take the suites from DIR instead of the tool's own
    #[arg(long, value_name = "DIR", env = "CARGO_WASIP2_SUITES")]
    suites: Option<PathBuf>,
    #[command(flatten)]
    parts: PartArgs,
    #[command(flatten)]
    pub series: SeriesArgs,
    /// Only tests with one of these in their names
    #[arg(value_name = "FILTER", last = true)]
    filter: Vec<String>,
}

/// The release whose tests a suite has, where the suite itself says so.
pub fn release(directory: &Path, krate: &str) -> Option<String> {
    let definition = Definition::read(directory, krate, Way::default()).ok()?;
    Some(definition.release()?.version.to_string())
}

/// How many of the tests that Linux runs, and that have one of `filter` in
/// their names, pass when patched, built and run in this `way`: as the suite's
/// file in `directory` says.
pub fn promised(directory: &Path, krate: &str, way: Way, filter: &[String]) -> Result<usize> {
    let definition = Definition::read(directory, krate, way)?;
    let linux = LinuxTests::read(directory, krate)?;
    let passes =
        |name: &&str| stage::passes(filter, name) && *definition.expected(name).outcome == PASSES;
    Ok(linux.names().filter(passes).count())
}

/// Runs the verb; gives back the exit code.
pub fn run(arguments: &SuiteArgs, home: &Home, console: &Console) -> Result<u8> {
    let started = Instant::now();
    ensure!(
        !(arguments.update && arguments.native && !arguments.upstream),
        "the list of the tests that Linux runs is of the release as it is: use `--update` with \
         `--native --upstream`"
    );
    ensure!(
        !(arguments.update && arguments.mode == Mode::Sync),
        "`--update` writes what is so where the host waits on an event loop; what differs with \
         `--mode sync` is an entry of its own, with `mode = \"sync\"`"
    );
    ensure!(
        !(arguments.update && arguments.parts.or_all() != Part::Local),
        "`--update` writes what is so with the whole series: leave out `--parts`"
    );
    let directory = match &arguments.suites {
        Some(directory) => directory.clone(),
        None => Checkout::find(home)?.expectations(),
    };
    ensure!(
        !(arguments.mode == Mode::Sync && arguments.wasi != Wasi::P2),
        "WASI {} has no `--mode sync`: every host waits on an event loop there",
        arguments.wasi
    );
    let way = Way {
        panic: arguments.panic,
        mode: arguments.mode,
        wasi: arguments.wasi,
    };
    let definition = Definition::read(&directory, &arguments.krate, way)?;
    let linux = LinuxTests::read(&directory, &arguments.krate)?;
    let (place, unwinding) = match arguments.native {
        true => (Place::Native, None),
        false => {
            let installed = wasip2_toolchain::ensure(home, console)?;
            let unwinding = unwinding::unwinding(arguments.panic, &installed, home, console)?;
            (Place::Component, unwinding)
        }
    };
    let libc = match &arguments.libc {
        Some(variant) => Some(libc::libc_directory(variant, home, console)?),
        None => None,
    };

    let mut flags = libc.as_ref().map(Libc::rustflags).unwrap_or_default();
    flags.extend(unwinding.iter().flat_map(Unwinding::rustflags));
    if unwinding.is_some() {
        // These take the place of what the workspace's configuration has.
        flags.extend(wasip2_series::wasi::rustflags(arguments.wasi));
    }

    let _lock = home.lock(&format!("suite-{}", arguments.krate), console)?;
    let series = series::up_to(arguments.series.all(home)?, arguments.parts.or_all());
    let stage = Stage::make(
        &definition,
        &series,
        arguments.upstream,
        &arguments.series,
        home,
        console,
    )?;
    let targets = stage.targets(console)?;
    let built = build::build(
        &stage,
        &targets.wanted(&arguments.filter, &linux),
        place,
        &definition,
        flags,
        arguments.series.offline,
        console,
    )?;
    let plan = Plan {
        place,
        mode: arguments.mode,
        jobs: arguments.jobs,
        filter: &arguments.filter,
        definition: &definition,
        judged: stage.judged,
    };
    let trials = trial::run(&plan, &built, &stage, home, console)?;

    let renewed = arguments.update && arguments.native;
    let linux = if renewed {
        LinuxTests::of(&trials)
    } else {
        linux
    };
    let report = Report {
        stage: &stage,
        place,
        libc: arguments.libc.as_deref(),
        mode: arguments.mode,
        linux: &linux,
        filter: &arguments.filter,
        unbuilt: &built.failed,
        verdicts: Verdicts::of(&plan, &linux, &trials, &built),
        definition: &definition,
        seconds: started.elapsed().as_secs_f64(),
    };
    if let Some(path) = &arguments.json {
        report.write_json(path)?;
    }
    report.print();
    if arguments.update {
        return match (arguments.native, arguments.upstream) {
            (true, _) => linux.write(&directory, &arguments.krate, console),
            (false, true) => update::upstream(&definition, &report, console),
            (false, false) => update::expectations(&definition, &report, console),
        }
        .map(|()| 0);
    }
    if !stage.judged && !arguments.native {
        return Ok(0);
    }
    Ok(report.tell_surprises(console))
}
