//! `cargo wasip2 matrix`: what runs, upstream beside patched, across crates,
//! features and hosts.
//!
//! The contract: nothing is shown as passed that was not built and run to its
//! end here; every cell that does not pass has its reason, from the plan
//! ([`plan`]); a cell that comes out otherwise than the plan says, better or
//! worse, makes the exit code 1; one that nobody could run says so and is
//! neither. [`runner`] runs the cells, [`kept`] keeps what became of them from
//! run to run, [`results`] is what there is in the end, [`report`] shows it.

// The suites, the feature walk and the reports that need the rest follow.
#![allow(dead_code)]

mod cell;
mod child;
mod compile;
mod guest_cell;
mod kept;
mod plan;
mod report;
mod results;
mod runner;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::apply::SeriesArgs;
use crate::console::Console;
use crate::home::Home;
use crate::init::project::write_whole;
use crate::process::Process;
use crate::series::Series;
use crate::setup;
use crate::source::Source;

use kept::Kept;
use plan::Plan;
use results::{FORMAT, MadeWith, Results, RowShown, SeriesShown};
use runner::{Selection, Workshop};

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
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct MatrixArgs {
    /// Run the quick part of the plan
    #[arg(long)]
    quick: bool,
    /// Run the cells that have this in their names, ROW/VARIANT/SETTING, in
    /// which `*` stands for anything; may be repeated
    #[arg(long, value_name = "PATTERN")]
    only: Vec<String>,
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
    series: SeriesArgs,
}

/// The exit code after Ctrl-C.
const INTERRUPTED: u8 = 130;

/// Runs the verb; gives back the exit code.
pub fn run(arguments: &MatrixArgs, home: &Home, console: &Console) -> Result<u8> {
    match all(arguments, home, console) {
        Err(_) if child::interrupted() => {
            console.status(
                "Stopped",
                "what was done is kept; the same command goes on from here",
            );
            Ok(INTERRUPTED)
        }
        result => result,
    }
}

fn all(arguments: &MatrixArgs, home: &Home, console: &Console) -> Result<u8> {
    let started = Instant::now();
    let path = match &arguments.plan {
        Some(path) => std::path::absolute(path)?,
        None => Source::find(home)?.plan(),
    };
    let plan = Plan::read(&path)?;
    let selection = Selection {
        quick: arguments.quick,
        only: &arguments.only,
    };
    let rows: Vec<&plan::Row> = plan
        .rows
        .iter()
        .filter(|row| {
            cell::Variant::ALL.iter().any(|variant| {
                plan.settings.iter().any(|setting| {
                    setting.kinds.contains(&row.kind) && selection.has(row, *variant, setting)
                })
            })
        })
        .collect();
    ensure!(
        !rows.is_empty(),
        "no cell of the plan {} has {} in its name; --list shows the names",
        path.display(),
        arguments.only.join(" or ")
    );
    if arguments.list {
        list(&plan, &rows, &selection);
        return Ok(0);
    }
    let out = match &arguments.out {
        Some(out) => std::path::absolute(out)?,
        None => home.directory("matrix/report")?,
    };
    // Before an hour's work, not after.
    std::fs::create_dir_all(&out)
        .with_context(|| format!("the directory {} could not be made", out.display()))?;
    let installed = setup::ensure(home, console)?;
    let _lock = home.lock("matrix", console)?;
    child::stop_on_ctrl_c()?;

    let all_series = arguments.series.all(home)?;
    let made_with = made_with(&installed, &all_series, home, console)?;
    let kept = Kept::new(
        home.directory("matrix/cells")?,
        [
            made_with.rustc.as_str(),
            made_with.libc.as_deref().unwrap_or("unknown"),
        ],
        arguments.fresh,
    )?;
    let mut workshop = Workshop::new(&plan, &arguments.series, &all_series, home, console);
    let cells = runner::run(&rows, &selection, &kept, &mut workshop)?;
    let results = Results {
        format: FORMAT,
        made_with,
        quick: arguments.quick,
        only: arguments.only.clone(),
        shard: None,
        settings: plan.settings.iter().map(Into::into).collect(),
        rows: plan
            .rows
            .iter()
            .enumerate()
            .filter(|(_, row)| rows.iter().any(|one| one.name == row.name))
            .map(|(position, row)| RowShown::of(row, position))
            .collect(),
        cells,
        seconds: started.elapsed().as_secs_f64().round(),
    };
    results.write(&out.join("matrix.json"))?;
    let markdown = report::markdown::of(&results);
    write_whole(&out.join("matrix.md"), markdown.as_bytes())?;
    if let Some(path) = &arguments.json {
        results.write(path)?;
    }
    print!("{markdown}");
    console.status("Finished", out.join("matrix.md").display());
    Ok(u8::from(results.surprises().next().is_some()))
}

/// Shows the cells' names.
fn list(plan: &Plan, rows: &[&plan::Row], selection: &Selection) {
    for row in rows {
        for variant in cell::Variant::ALL {
            for setting in plan
                .settings
                .iter()
                .filter(|one| one.kinds.contains(&row.kind))
            {
                if selection.has(row, variant, setting)
                    && setting.leaves_out(row, variant).is_none()
                {
                    println!("{}", cell::name(&row.name, variant, &setting.name));
                }
            }
        }
    }
}

fn made_with(
    installed: &setup::Installed,
    series: &[Series],
    home: &Home,
    console: &Console,
) -> Result<MadeWith> {
    Ok(MadeWith {
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        rustc: Process::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
            .arg("--version")
            .read(console)?
            .trim()
            .to_owned(),
        os: std::env::consts::OS.to_owned(),
        architecture: std::env::consts::ARCH.to_owned(),
        libc: setup::linked_libc(installed, home),
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
