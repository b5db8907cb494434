//! `cargo wasip2 bump`: carries a series over to a newer release.
//!
//! The contract: the series' directory is as it was until every patch is
//! carried over, and then changes in one step. What is under way stands below
//! the tool's home; an interruption leaves it there, and `--continue` goes on
//! from the last patch that was done, `--abort` forgets it.
//!
//! Each patch is picked from the old release, with everything before it
//! applied, to the new one, so that git's three-way merge knows both sides and
//! what they have in common.

mod export;
mod newest;
mod notes;
mod resolution;
mod scratch;
mod shared;
mod work;

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use semver::Version;
use serde::Serialize;

use wasip2_ground::{Console, Home};
use wasip2_series::series;
use wasip2_series::source::Source;
use wasip2_series::{Patch, Pristine, Release, Series, SeriesArgs};
use work::{Outcome, Work};

/// Carry a series over to a newer release of its crate.
///
/// Takes the newest release that programs would get by `cargo update`, or
/// VERSION. Says of each patch whether it applies or is upstream already; the
/// first that conflicts is shown, with the directory to resolve it in, and
/// `--continue` goes on from there. Nothing in the series changes until all is
/// resolved.
///
/// A patch that two release lines share (`same-as` in series.toml) stays
/// shared if one file makes of both releases what it should; if not, each line
/// has a file of its own from then on, with a warning. No other line's patched
/// tree changes.
///
/// Exit codes: 0 carried over, or nothing newer; 1 a conflict, or with `--all`
/// a series that lags behind, or an error; 2 wrong usage.
#[derive(Args, Debug)]
pub struct BumpArgs {
    /// The crate, such as `tokio` or `reqwest@0.13`
    #[arg(
        value_name = "CRATE",
        required_unless_present_any = ["all", "resume", "abort"]
    )]
    krate: Option<String>,
    /// The release to go to [default: the newest compatible one]
    #[arg(value_name = "VERSION", conflicts_with_all = ["all", "resume", "abort"])]
    version: Option<Version>,
    /// Say which series lag behind, and change none
    #[arg(long, conflicts_with_all = ["krate", "resume", "abort"])]
    all: bool,
    /// Go on after a conflict was resolved
    #[arg(long = "continue", id = "resume", conflicts_with = "abort")]
    resume: bool,
    /// Give up what is under way
    #[arg(long)]
    abort: bool,
    #[command(flatten)]
    pub series: SeriesArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What became of a bump, for `--json`.
#[derive(Serialize)]
struct Bumped<'a> {
    #[serde(rename = "crate")]
    name: &'a str,
    from: &'a Version,
    to: &'a Version,
    /// Whether the series is for the new release now.
    finished: bool,
    patches: &'a [Outcome],
    /// Where a conflict is to be resolved.
    #[serde(skip_serializing_if = "Option::is_none")]
    work: Option<PathBuf>,
}

/// Runs the verb; gives back whether there is nothing left to do.
pub fn run(arguments: &BumpArgs, home: &Home, console: &Console) -> Result<bool> {
    if arguments.all {
        let series = arguments.series.all(home)?;
        let network = arguments.series.network();
        return newest::compare(&series, network, arguments.json, home, console);
    }
    if arguments.abort {
        let work = Work::under_way(arguments.krate.as_deref(), home, console)?;
        let (verb, what) = match export::recover(&work)? {
            // Only what was needed meanwhile was still there.
            true => (
                "Finished",
                format!("{}, before it could be given up", work.title()),
            ),
            false => ("Aborted", work.title()),
        };
        console.status(verb, what);
        return work.forget().map(|()| true);
    }
    if arguments.resume {
        let mut work = Work::under_way(arguments.krate.as_deref(), home, console)?;
        if export::recover(&work)? {
            console.status("Finished", work.title());
            return work.forget().map(|()| true);
        }
        work.resume(console)?;
        return carry_on(work, arguments, home, console);
    }
    match begin(arguments, home, console)? {
        Some(work) => carry_on(work, arguments, home, console),
        None => Ok(true),
    }
}

/// Prepares what is asked for; nothing where the series is for the newest
/// release.
fn begin(arguments: &BumpArgs, home: &Home, console: &Console) -> Result<Option<Work>> {
    ensure!(
        arguments.series.patches.is_some() || Source::find(home)?.checkout().is_some(),
        "the series that the installed tool carries cannot be changed; run this in a checkout of \
         cargo-wasip2, or name series of your own with `--patches`"
    );
    let name = arguments.krate.as_deref().context("no crate was named")?;
    let series = series::select_one(arguments.series.all(home)?, name)?;
    Patch::all(&series)?;
    Work::refuse_second(&series, home)?;
    let network = arguments.series.network();
    let to = match &arguments.version {
        Some(version) => version.clone(),
        None => newest::of(&series, network, home, console)?.compatible,
    };
    if to == series.version {
        console.status("Finished", format!("{series} is the newest release"));
        return Ok(None);
    }
    ensure!(
        to > series.version,
        "the series is for {series}, which is newer than {to}"
    );
    refuse_other_line(&series, &to)?;
    let release = Release {
        name: series.name.clone(),
        version: to,
        checksum: None,
    };
    let new = Pristine::of_release(&release, network, home, console)?;
    let old = Pristine::get(&series, network, home, console)?;
    Work::start(&series, &release, &old, &new, home, console).map(Some)
}

/// Where the new release belongs to another line, that line has no series yet.
fn refuse_other_line(series: &Series, to: &Version) -> Result<()> {
    let line = export::line(series, to);
    let other = series.directory.with_file_name(&line);
    if line != series.line && other.exists() {
        bail!(
            "{} {to} belongs to the release line {line}, which has a series already: {}",
            series.name,
            other.display()
        );
    }
    Ok(())
}

/// Picks what is left, and changes the series once there is no conflict.
fn carry_on(mut work: Work, arguments: &BumpArgs, home: &Home, console: &Console) -> Result<bool> {
    let conflict = work.advance(console)?;
    let finished = conflict.is_none();
    if finished {
        export::finish(&work, arguments.series.network(), home, console)?;
    }
    if arguments.json {
        let bumped = Bumped {
            name: &work.state.name,
            from: &work.state.from,
            to: &work.state.to,
            finished,
            patches: &work.state.outcomes,
            work: (!finished).then(|| work.repository()),
        };
        println!("{}", serde_json::to_string_pretty(&bumped)?);
    }
    match conflict {
        Some(conflict) => {
            console.error(conflict);
            Ok(false)
        }
        None => {
            console.status(
                "Finished",
                format!(
                    "{}: now `cargo wasip2 lint {} --compile` and the tests",
                    work.title(),
                    work.state.name
                ),
            );
            work.forget()?;
            Ok(true)
        }
    }
}
