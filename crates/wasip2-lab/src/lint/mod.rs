//! `cargo wasip2 lint`: whether the patches are fit to be sent upstream.
//!
//! The contract: without `--compile` and `--api` nothing is built or fetched; only the patch
//! files are read. Every fault is reported, by patch and line, and any fault
//! is a failure. Figures that have no bound are reported, too.

mod api;
mod companions;
mod compile;
mod exceptions;
mod losses;
mod parts;
mod report;
mod rules;
mod size;
mod twice;
mod workbench;

use anyhow::{Result, ensure};
use clap::Args;

use report::{Checked, Report};
use wasip2_ground::{Console, Home};
use wasip2_series::{Patch, SeriesArgs, series};
use workbench::Workbench;

/// Check the patches: messages, trailers, context, documentation, size.
///
/// A patch has a subject, a body that says why, and the trailer
/// `Upstream-Status: Pending`, `Submitted <url>` or `Inappropriate <reason>`.
/// It has one line of context at most, adds no trailing whitespace, documents
/// what it makes public, and adds no more than 400 lines to existing files
/// (tests aside) unless a trailer `Size-Reason:` says why. Half of all patches
/// change fewer than 40 existing lines. What two release lines of a crate both
/// change is kept once (`same-as` in series.toml). Where a series has parts, those
/// of part A are small, those of part B put a question, and those that are kept for
/// users alone come last.
///
/// With `--compile`, which takes a while, each step of the series also compiles
/// for this machine and for wasm32-wasip2, and so does each branch that
/// `cargo wasip2 branch --split` makes; in the patched tree rustfmt, clippy and
/// rustc's `missing_docs` find nothing that they do not find in the release;
/// and it compiles with the lowest versions that its manifest admits, if the
/// release does. With `--api` cargo-semver-checks, which is built the first time,
/// compares the public interface with the release's: it may only grow. What it
/// loses on purpose stands in `series.toml`, as the fault names it (`*` stands
/// for anything), with the target, `native` or `wasm32-wasip2`, and the reason:
///
///     [[lint.api-exception]]
///     target = "wasm32-wasip2"
///     lost = ["struct_missing: struct reqwest::Example"]
///     reason = "there is no JavaScript on WASI"
///
/// Such an exception is shown, and a fault where it excuses nothing.
///
/// Exit codes: 0 no fault, 1 faults or a series that cannot be read, 2 wrong
/// usage.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct LintArgs {
    /// Crates whose series to check, such as `tokio`; all by default
    #[arg(value_name = "CRATE")]
    crates: Vec<String>,
    /// Compile each step, and run rustfmt and clippy
    #[arg(long)]
    compile: bool,
    /// Compile only the steps of the patches with these numbers, such as 0003
    #[arg(long = "patch", value_name = "NUMBER", requires = "compile")]
    numbers: Vec<String>,
    /// Compare the public interface with the release's
    #[arg(long)]
    api: bool,
    #[command(flatten)]
    pub series: SeriesArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the verb; gives back whether there was no fault.
pub fn run(arguments: &LintArgs, home: &Home, console: &Console) -> Result<bool> {
    let all = arguments.series.all(home)?;
    let chosen = series::select(all.clone(), &arguments.crates)?;
    for number in &arguments.numbers {
        let mut patches = chosen.iter().flat_map(|series| &series.patches);
        ensure!(
            patches.any(|patch| patch.number() == number),
            "no patch of these series has the number {number}"
        );
    }
    let mut report = Report::default();
    for series in &chosen {
        console.detail("Checking", series);
        report.general.extend(exceptions::faults(series));
        let patches = Patch::all(series)?;
        for patch in &patches {
            report.patches.push(Checked {
                series: series.to_string(),
                patch: patch.name.clone(),
                gaps: match series.notes.get(&patch.number) {
                    Some(note) => note.gaps.clone(),
                    None => Vec::new(),
                },
                size: size::of(patch),
                faults: rules::faults(patch, &series.lint),
            });
        }
        for (patch, fault) in companions::faults(series, &patches, &all) {
            report.blame(series, patch, fault);
        }
        for (patch, fault) in parts::faults(series, &patches) {
            report.blame(series, patch, fault);
        }
        for twice in twice::faults(series, &patches, &all)? {
            report.blame(series, &twice.patch, twice.fault);
        }
    }
    report.judge();
    if arguments.compile || arguments.api {
        wasip2_toolchain::ensure(home, console)?;
        for series in &chosen {
            // Cargo has a lock of its own for what different crates share.
            let _lock = home.lock(&format!("lint-{}", series.name), console)?;
            let workbench = Workbench::make(series, &all, &arguments.series, home, console)?;
            if arguments.compile {
                compile::check(series, &arguments.numbers, &workbench, &mut report, console)?;
            }
            if arguments.api {
                api::check(series, &workbench, &mut report, home, console)?;
            }
        }
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        report.show(console);
    }
    Ok(report.faults() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasip2_series::series::Series;

    /// The repository's own series, with the rules that every one must keep.
    #[test]
    fn the_repositorys_patches_have_no_fault() {
        let patches = crate::readme::repository().join("patches");
        let mut found = Vec::new();
        let all = Series::all(&patches).unwrap();
        for series in &all {
            found.extend(exceptions::faults(series));
            let patches = Patch::all(series).unwrap();
            for patch in &patches {
                for fault in rules::faults(patch, &series.lint) {
                    found.push(format!("{series} {}: {fault}", patch.number));
                }
            }
            for (patch, fault) in companions::faults(series, &patches, &all) {
                found.push(format!("{series} {patch}: {fault}"));
            }
            for (patch, fault) in parts::faults(series, &patches) {
                found.push(format!("{series} {patch}: {fault}"));
            }
            for twice in twice::faults(series, &patches, &all).unwrap() {
                found.push(format!("{series} {}: {}", twice.patch, twice.fault));
            }
        }
        assert!(found.is_empty(), "{found:#?}");
    }
}
