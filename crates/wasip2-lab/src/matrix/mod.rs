//! `cargo wasip2 matrix`: what runs, upstream beside patched, across crates,
//! features and hosts.
//!
//! The contract: nothing is shown as passed that was not built and run to its
//! end here; every cell that does not pass has its reason, from the plan
//! ([`plan`]); a cell that comes out otherwise than the plan says, better or
//! worse, makes the exit code 1; one that nobody could run says so and is
//! neither. [`runner`] runs the cells, [`kept`] keeps what became of them from
//! run to run, [`results`] is what there is in the end, [`report`] shows it.

mod build_cell;
pub mod cell;
mod compile;
mod composition;
mod diff;
mod found;
mod guest_cell;
mod kept;
mod merge;
mod needs;
mod plan;
mod report;
mod results;
mod runner;
mod serve_cell;
mod shard;
mod suite_cell;
mod versions;
mod walk;
mod workshop;

pub use shard::Shard;

use std::path::{Path, PathBuf};
use std::time::Instant;
use wasip2_ground::cargo::rustc_version;
use wasip2_ground::files::write_whole;
use wasip2_ground::{Console, Home, interrupt};

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};

use crate::checkout::Checkout;
use wasip2_series::{Series, SeriesArgs};

use kept::Kept;
use plan::Plan;
use results::{FORMAT, MadeWith, Results, RowShown, SeriesShown};
use runner::Selection;
use workshop::Workshop;

/// Show what runs: crates, features and hosts, upstream beside patched.
///
/// Builds and runs every cell of the plan, `ci/matrix.toml`, and compares what
/// happens with what is expected there: anything else, an unexpected success
/// too, makes the exit code 1. What was done is kept, so that the same command
/// goes on after an interruption. Writes `matrix.json` and `matrix.md`.
///
///     cargo wasip2 matrix --quick             what CI runs
///     cargo wasip2 matrix --only postgres     cells with that in their names
///     cargo wasip2 matrix --list              the cells' names
///     cargo wasip2 matrix --shard 2/5         a part of it, for one of five machines
///     cargo wasip2 matrix merge FILES         the parts' results in one
///     cargo wasip2 matrix diff OLD NEW        what changed
///
/// A crate's features are walked, which takes cargo-hack, unless --quick or
/// --only leaves all of that out.
// The indented lines are as `--help` shows them; to rustdoc they are Rust.
#[allow(rustdoc::invalid_rust_codeblocks)]
#[derive(Args, Debug)]
#[command(verbatim_doc_comment, args_conflicts_with_subcommands = true)]
pub struct MatrixArgs {
    #[command(subcommand)]
    action: Option<Action>,
    /// Run the quick part of the plan
    #[arg(long)]
    quick: bool,
    /// Run the cells that have this in their names, ROW/VARIANT/SETTING, in
    /// which `*` stands for anything; may be repeated
    #[arg(long, value_name = "PATTERN")]
    only: Vec<String>,
    /// Run one part of several, such as 2/5
    #[arg(long, value_name = "PART/OF")]
    shard: Option<Shard>,
    /// Show the cells and end
    #[arg(long)]
    list: bool,
    /// Run everything anew, whatever is kept of earlier runs
    #[arg(long)]
    fresh: bool,
    /// Write the results to this file too, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where the results and reports go
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Take the plan from this file instead of the tool's own
    #[arg(long, value_name = "FILE", env = "CARGO_WASIP2_PLAN")]
    plan: Option<PathBuf>,
    #[command(flatten)]
    pub series: SeriesArgs,
}

/// What else there is to do with results.
#[derive(Debug, Subcommand)]
enum Action {
    /// Put the results of all parts together and make the reports
    Merge {
        /// The parts' `matrix.json`
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Write the results to this file too, as JSON
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        /// Where the results and reports go
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Show what changed; the exit code is 1 where something got worse
    Diff {
        /// The earlier `matrix.json`
        old: PathBuf,
        /// The later one
        new: PathBuf,
    },
}

/// Runs the verb; gives back the exit code.
pub fn run(arguments: &MatrixArgs, home: &Home, console: &Console) -> Result<u8> {
    match all(arguments, home, console) {
        Err(_) if interrupt::noted() => {
            console.status(
                "Stopped",
                "what was done is kept; the same command goes on from here",
            );
            Ok(interrupt::INTERRUPTED)
        }
        result => result,
    }
}

fn all(arguments: &MatrixArgs, home: &Home, console: &Console) -> Result<u8> {
    match &arguments.action {
        None => cells(arguments, home, console),
        Some(Action::Merge { files, json, out }) => {
            let results = merge::merge(files)?;
            conclude(&results, &directory(out, home)?, json.as_deref(), console)
        }
        Some(Action::Diff { old, new }) => {
            let difference = diff::of(&Results::read(old)?, &Results::read(new)?);
            print!("{}", difference.text());
            Ok(u8::from(!difference.worse.is_empty()))
        }
    }
}

fn cells(arguments: &MatrixArgs, home: &Home, console: &Console) -> Result<u8> {
    let started = Instant::now();
    let path = match &arguments.plan {
        Some(path) => std::path::absolute(path)?,
        None => Checkout::find(home)?.plan(),
    };
    let mut plan = Plan::read(&path)?;
    let selection = Selection {
        quick: arguments.quick,
        only: &arguments.only,
    };
    let all_series = arguments.series.all(home)?;
    let may_walk = |only: &String| only.starts_with("build") || only.starts_with('*');
    if !arguments.quick && (arguments.only.is_empty() || arguments.only.iter().any(may_walk)) {
        walk::add(&mut plan, &arguments.series, &all_series, home, console)?;
    }
    let plan = plan;
    let asked: Vec<&plan::Row> = plan
        .rows
        .iter()
        .filter(|row| selection.has_row(row, &plan))
        .collect();
    ensure!(
        !asked.is_empty(),
        "no cell of the plan {} has {} in its name; --list shows the names",
        path.display(),
        arguments.only.join(" or ")
    );
    let rows = match &arguments.shard {
        Some(shard) => shard.of(&asked),
        None => asked,
    };
    if arguments.list {
        runner::list(&rows, &selection, &plan);
        return Ok(0);
    }
    // Before an hour's work, not after.
    let out = directory(&arguments.out, home)?;
    let installed = wasip2_toolchain::ensure(home, console)?;
    let _lock = home.lock("matrix", console)?;
    interrupt::note()?;

    let made_with = made_with(&installed, &all_series, home, console)?;
    let kept = Kept::new(
        home.directory("matrix/cells")?,
        [
            made_with.rustc.as_str(),
            made_with.libc.as_deref().unwrap_or("unknown"),
        ],
        arguments.fresh,
    );
    let workshop = || {
        Workshop::new(
            &plan,
            &arguments.series,
            &all_series,
            home,
            console,
            arguments.quick,
        )
    };
    let cells = runner::run(&rows, &selection, &kept, workshop)?;
    let results = Results {
        format: FORMAT,
        made_with,
        plan: plan.digest.clone(),
        quick: arguments.quick,
        only: arguments.only.clone(),
        shard: arguments.shard.map(|shard| shard.to_string()),
        settings: plan.settings.iter().map(Into::into).collect(),
        rows: plan
            .rows
            .iter()
            .enumerate()
            .filter(|(_, row)| rows.iter().any(|one| one.name == row.name))
            .map(|(position, row)| RowShown {
                version: versions::of(row, &plan, &all_series),
                ..RowShown::of(row, position)
            })
            .collect(),
        cells,
        seconds: started.elapsed().as_secs_f64().round(),
    };
    conclude(&results, &out, arguments.json.as_deref(), console)
}

/// Writes and shows the results; gives back the exit code.
fn conclude(results: &Results, out: &Path, json: Option<&Path>, console: &Console) -> Result<u8> {
    if let Some(path) = json {
        results.write(path)?;
    }
    let markdown = report::markdown::of(results);
    write_whole(&out.join("matrix.json"), results.json()?.as_bytes())?;
    write_whole(&out.join("matrix.md"), markdown.as_bytes())?;
    write_whole(
        &out.join("matrix.html"),
        report::page::of(results).as_bytes(),
    )?;
    print!("{markdown}");
    console.status("Finished", out.join("matrix.html").display());
    let surprises = results.surprises().count();
    if surprises > 0 {
        console.error(format!(
            "{surprises} cells are not as the plan expects; where a cell is right, change what is \
             expected of it, in ci/matrix.toml or rows.toml"
        ));
    }
    Ok(u8::from(surprises > 0))
}

/// The directory of the reports, made where it is missing.
fn directory(out: &Option<PathBuf>, home: &Home) -> Result<PathBuf> {
    let out = match out {
        Some(out) => std::path::absolute(out)?,
        None => home.directory("matrix/report")?,
    };
    std::fs::create_dir_all(&out)
        .with_context(|| format!("the directory {} could not be made", out.display()))?;
    Ok(out)
}

fn made_with(
    installed: &wasip2_toolchain::Installed,
    series: &[Series],
    home: &Home,
    console: &Console,
) -> Result<MadeWith> {
    Ok(MadeWith {
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        rustc: rustc_version(console)?,
        os: std::env::consts::OS.to_owned(),
        architecture: std::env::consts::ARCH.to_owned(),
        libc: wasip2_toolchain::setup::linked_libc(installed, home),
        series: series
            .iter()
            .map(|series| {
                Ok(SeriesShown {
                    krate: series.name.clone(),
                    version: series.version.to_string(),
                    patches: series.patches.len(),
                    digest: series.digest()?,
                })
            })
            .collect::<Result<_>>()?,
    })
}
