//! `cargo wasip2 branch`: a series as a git branch that upstream could merge.
//!
//! The contract: the repository that is made holds the released files at the
//! place that they have upstream, tagged `released`, and the branch `wasip2`
//! on top of it, whose commits are the patches and whose tree is the patched
//! one. The same series makes the same commits everywhere. A directory that
//! holds anything else than an untouched result of this verb is never
//! written to.

mod onto;
mod output;
mod publish;
mod pull_request;
mod repository;
mod split;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use output::Output;
use repository::{Branch, Repository};
use wasip2_ground::{Console, Home};
use wasip2_series::series;
use wasip2_series::{PartArgs, Patch, Pristine, Series, SeriesArgs};

/// Make a git branch of a series, ready for an upstream pull request.
///
/// The repository's first commit is the released source, where upstream's
/// repository has it; the branch `wasip2` has a commit for each patch.
/// Prints the repository's path. In a clone of upstream's,
/// `git fetch PATH wasip2 && git cherry-pick FETCH_HEAD~N..FETCH_HEAD` takes
/// the N commits over.
///
/// With `--split` each patch also has a branch of its own, on the release or,
/// where it depends on earlier patches, stacked on those. A patch depends on
/// another if it conflicts without it in a three-way merge, or if the series
/// says so (`needs` in series.toml).
///
/// Where a series has parts, `--parts A` leaves it at what maintainers can take as
/// it is, and the texts of those of part B put the question that comes first.
///
/// With `--push` the patched trees go to a repository of git's for others to
/// build with (`cargo wasip2 init --git REMOTE`): a branch for each release,
/// with a commit for each patch and a last one for the manifest that cargo
/// builds, and the branch `shims`. What was there before stays, by tags.
///
/// With `--onto` nothing is made: it prints which patches apply on what a clone
/// of upstream's has checked out, its main branch perhaps, by themselves and after
/// those before them. `--parts A` asks that of what is to be sent first.
///
/// Exit codes: 0 the repository was made, 1 it was not, 2 wrong usage.
#[derive(Args, Debug)]
pub struct BranchArgs {
    /// The crate, such as `tokio` or `reqwest@0.13`
    #[arg(value_name = "CRATE", required_unless_present = "all")]
    krate: Option<String>,
    /// Every crate that has a series
    #[arg(long, conflicts_with_all = ["krate", "out"])]
    all: bool,
    /// Push to this repository instead, an empty one or one that was filled so
    #[arg(
        long,
        value_name = "REMOTE",
        conflicts_with_all = ["out", "split", "pr", "parts", "upstreamable"]
    )]
    push: Option<String>,
    /// Only say which patches apply on what this clone of upstream's has checked out
    #[arg(
        long,
        value_name = "CLONE",
        conflicts_with_all = ["all", "out", "push", "split", "pr"]
    )]
    onto: Option<PathBuf>,
    /// Where to make the repository [default: below the tool's own directory]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// One branch for each patch, too, stacked where they depend
    #[arg(long)]
    split: bool,
    /// Also write the text of a pull request for each branch
    #[arg(long)]
    pr: bool,
    #[command(flatten)]
    parts: PartArgs,
    #[command(flatten)]
    pub series: SeriesArgs,
    /// Print JSON instead of the path
    #[arg(long)]
    json: bool,
}

/// What was made, for `--json`.
#[derive(Serialize)]
struct Made<'a> {
    #[serde(rename = "crate")]
    name: &'a str,
    version: String,
    path: PathBuf,
    base: String,
    branches: Vec<Branch>,
}

/// Runs the verb.
pub fn run(arguments: &BranchArgs, home: &Home, console: &Console) -> Result<()> {
    let mut series = arguments.series.all(home)?;
    if let Some(krate) = &arguments.krate {
        series = vec![series::select_one(series, krate)?];
    }
    series = series::up_to(series, arguments.parts.or_all());
    if let Some(remote) = &arguments.push {
        let pushed = publish::push(&series, remote, arguments.series.network(), home, console)?;
        if arguments.json {
            println!("{}", serde_json::to_string_pretty(&pushed)?);
        }
        return Ok(());
    }
    if let (Some(clone), [series]) = (&arguments.onto, series.as_slice()) {
        let tries = onto::try_on(&std::path::absolute(clone)?, series, home, console)?;
        match arguments.json {
            true => println!("{}", serde_json::to_string_pretty(&tries)?),
            false => print!("{tries}"),
        }
        return Ok(());
    }
    let made = series
        .iter()
        .map(|series| make(series, arguments, home, console))
        .collect::<Result<Vec<Made>>>()?;
    match (arguments.json, made.as_slice()) {
        (true, [one]) if !arguments.all => println!("{}", serde_json::to_string_pretty(one)?),
        (true, all) => println!("{}", serde_json::to_string_pretty(all)?),
        (false, all) => {
            for made in all {
                println!("{}", made.path.display());
            }
        }
    }
    Ok(())
}

/// Makes the repository of one series.
fn make<'a>(
    series: &'a Series,
    arguments: &BranchArgs,
    home: &Home,
    console: &Console,
) -> Result<Made<'a>> {
    let patches = Patch::all(series)?;
    let directory = match &arguments.out {
        Some(directory) => std::path::absolute(directory)?,
        None => home.directory("branches")?.join(series.directory_name()),
    };
    let output = Output::prepare(directory, console)?;
    let pristine = Pristine::get(series, arguments.series.network(), home, console)?;
    console.status("Branching", format!("{series} ({} patches)", patches.len()));
    let repository = Repository::make(output.work(), series, &pristine, console)?;
    let mut branches = vec![whole(&repository, &patches)];
    if arguments.split {
        branches.extend(split::branches(series, &patches, &repository, console)?);
    }
    if arguments.pr {
        for branch in &mut branches {
            let text = pull_request::text(branch, series, &patches);
            branch.pull_request = Some(output.write_pull_request(&branch.name, &text)?);
        }
    }
    let path = output.finish(console)?;
    report(&branches, series, console);
    Ok(Made {
        name: &series.name,
        version: series.version.to_string(),
        path,
        base: repository.base.clone(),
        branches,
    })
}

/// Makes the branch of each patch in the empty directory `path`, with the
/// files where the package has them; gives back each branch's name.
pub fn split(
    path: &Path,
    series: &Series,
    pristine: &Pristine,
    console: &Console,
) -> Result<Vec<String>> {
    let mut series = series.clone();
    series.upstream.path.clear();
    let patches = Patch::all(&series)?;
    let repository = Repository::make(path, &series, pristine, console)?;
    let branches = split::branches(&series, &patches, &repository, console)?;
    Ok(branches.into_iter().map(|branch| branch.name).collect())
}

/// The branch of the whole series.
fn whole(repository: &Repository, patches: &[Patch]) -> Branch {
    Branch {
        name: repository::BRANCH.to_owned(),
        commit: repository
            .commits
            .last()
            .unwrap_or(&repository.base)
            .clone(),
        on: Some(repository::BASE.to_owned()),
        depends: Vec::new(),
        patches: patches.iter().map(|patch| patch.number.clone()).collect(),
        pull_request: None,
    }
}

fn report(branches: &[Branch], series: &Series, console: &Console) {
    for branch in branches {
        let on = match (&branch.on, branch.depends.as_slice()) {
            (Some(on), _) => on.clone(),
            (None, depends) => depends.join(" and "),
        };
        console.status("Branch", format!("{} on {on}", branch.name));
        if let Some(text) = &branch.pull_request {
            console.status("Text", text.display());
        }
    }
    console.status("Finished", format!("{series}: {} branches", branches.len()));
}
