//! `cargo wasip2 survey`: of the crates and programs that people use, which
//! build for wasm32-wasip2, released beside patched, and what stops the rest.
//!
//! The list is `ci/survey.toml`. Each entry is compiled as a new project's
//! dependency, with the features that the list says, or as the program that was
//! released. What was found is kept, so that the same command goes on after an
//! interruption; [`Found`] is what is known of one entry.

mod found;
mod list;
mod page;
mod trial;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use sha2::{Digest, Sha256};

use crate::checkout::Checkout;
use crate::matrix::Shard;
use crate::matrix::cell::Variant;
use crate::notation::fits;
use found::Found;
use list::List;
use wasip2_ground::files::{hex, write_whole};
use wasip2_ground::{Console, Home, interrupt};
use wasip2_series::project::{locked, read_lock};
use wasip2_series::{Series, SeriesArgs};
use wasip2_toolchain::{self as toolchain, Clang};

/// Show which of the crates and programs that people use build, and what stops
/// the rest.
///
/// Checks each entry of `ci/survey.toml` as released and on the patched crates,
/// and ranks the crates at fault by how many entries each stops. What was done
/// is kept, so that the same command goes on after an interruption. Writes
/// `survey.json` and `survey.md`.
#[derive(Args, Debug)]
pub struct SurveyArgs {
    /// Check the entries that have this in their names, in which `*` stands for
    /// anything; may be repeated
    #[arg(long, value_name = "PATTERN")]
    only: Vec<String>,
    /// Check one part of several, such as 2/5
    #[arg(long, value_name = "PART/OF")]
    shard: Option<Shard>,
    /// Check this variant alone
    #[arg(long, value_enum)]
    variant: Option<Variant>,
    /// Begin nothing new after this many minutes
    #[arg(long, value_name = "MINUTES")]
    minutes: Option<u64>,
    /// Check everything anew, whatever is kept of earlier runs
    #[arg(long)]
    fresh: bool,
    /// Check nothing, and put these results together instead
    #[arg(long, value_name = "FILES", num_args = 1..)]
    merge: Vec<PathBuf>,
    /// Take the list from this file instead
    #[arg(long, value_name = "FILE")]
    list: Option<PathBuf>,
    /// Where the results go
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    pub series: SeriesArgs,
}

/// Runs the verb.
pub fn run(arguments: &SurveyArgs, home: &Home, console: &Console) -> Result<u8> {
    let checkout = Checkout::find(home)?;
    let list = match &arguments.list {
        Some(list) => List::read(list)?,
        None => List::read(&checkout.root().join("ci/survey.toml"))?,
    };
    let out = match &arguments.out {
        Some(out) => out.clone(),
        None => home.directory("survey")?,
    };
    let found = match arguments.merge.as_slice() {
        [] => check(arguments, &list, home, console)?,
        files => merge(files)?,
    };
    let json = serde_json::to_string_pretty(&found)? + "\n";
    write_whole(&out.join("survey.json"), json.as_bytes())?;
    let page = page::markdown(&list, &found);
    write_whole(&out.join("survey.md"), page.as_bytes())?;
    print!("{}", page::summary(&list, &found));
    console.status("Finished", out.join("survey.md").display());
    Ok(0)
}

fn merge(files: &[PathBuf]) -> Result<Vec<Found>> {
    let mut all = Vec::new();
    for file in files {
        let text = fs::read(file).with_context(|| format!("{} is missing", file.display()))?;
        let part: Vec<Found> = serde_json::from_slice(&text)
            .with_context(|| format!("{} is no survey", file.display()))?;
        all.extend(part);
    }
    Ok(all)
}

/// Checks what is to be checked; gives back all that is known.
fn check(
    arguments: &SurveyArgs,
    list: &List,
    home: &Home,
    console: &Console,
) -> Result<Vec<Found>> {
    let installed = toolchain::ensure(home, console)?;
    let all = arguments.series.all(home)?;
    let trial = trial::Trial {
        clang: Clang::find(home, console)?.variables().unwrap_or_default(),
        series: &all,
        arguments: &arguments.series,
        home,
        console,
    };
    let started = Instant::now();
    let limit = arguments
        .minutes
        .map(|minutes| Duration::from_secs(60 * minutes));
    let mut known = Vec::new();
    let entries = list.entries.iter().enumerate();
    for (place, entry) in entries {
        let variants = [Variant::Upstream, Variant::Patched];
        let wanted = arguments.only.is_empty()
            || arguments
                .only
                .iter()
                .any(|pattern| fits(&format!("*{pattern}*"), &entry.name));
        let mine = arguments.shard.is_none_or(|shard| shard.has(place));
        for variant in variants {
            let file = home.directory("survey/kept")?;
            let file = file.join(format!("{}-{variant}.json", entry.name));
            let rustc = &installed.toolchain.release;
            let follows = || follows(entry, variant, &all, rustc, home);
            let kept = fs::read(&file).ok();
            let kept = kept.and_then(|kept| serde_json::from_slice::<Found>(&kept).ok());
            let digest = follows()?;
            let kept = kept.filter(|kept| kept.follows == digest);
            let chosen = arguments.variant.is_none_or(|chosen| chosen == variant);
            match kept {
                Some(kept) if !(arguments.fresh && wanted && mine && chosen) => known.push(kept),
                _ if !(wanted && mine && chosen) => {}
                _ if limit.is_some_and(|limit| started.elapsed() > limit) => {}
                _ => {
                    interrupt::refuse()?;
                    let mut found = trial.run(entry, variant)?;
                    interrupt::refuse()?;
                    found.follows = follows()?;
                    console.status("Checked", &found);
                    write_whole(&file, serde_json::to_string_pretty(&found)?.as_bytes())?;
                    known.push(found);
                }
            }
        }
    }
    Ok(known)
}

/// A digest of what a result follows from: of the series, those that the lock
/// file has a crate of.
fn follows(
    entry: &list::Entry,
    variant: Variant,
    all: &[Series],
    rustc: &str,
    home: &Home,
) -> Result<String> {
    let mut digest = Sha256::new();
    digest.update(format!("{entry:?} {variant} {rustc}"));
    let place = format!("survey/{variant}/{}/Cargo.lock", entry.name);
    let lock = home.root().join(place);
    if variant == Variant::Patched && lock.is_file() {
        let lock = read_lock(&lock)?;
        for series in all {
            let versions = locked(&lock, &series.name);
            if versions.iter().any(|version| series.serves(version)) {
                digest.update(series.digest()?);
            }
        }
    }
    Ok(hex(&digest.finalize())[..32].to_owned())
}
