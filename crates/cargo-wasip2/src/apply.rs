//! `cargo wasip2 apply`: from a series to a patched tree.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use wasip2_ground::{Console, Home};
use wasip2_series::series::{self, Upstream};
use wasip2_series::{PartArgs, SeriesArgs, tree};

/// Make patched trees: released crates with our series applied.
///
/// Prints the path of each tree. Cargo fetches the released source, so
/// mirrors and offline mode work as they are set up for it.
#[derive(Args, Debug)]
pub struct ApplyArgs {
    /// Crates to patch, such as `tokio` or `reqwest@0.13`; all by default
    #[arg(value_name = "CRATE")]
    crates: Vec<String>,
    /// Give up changes that were made in a tree by hand
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    parts: PartArgs,
    #[command(flatten)]
    pub series: SeriesArgs,
    /// Print JSON instead of paths
    #[arg(long)]
    json: bool,
}

/// One patched tree, for `--json`.
#[derive(Serialize)]
struct Made<'a> {
    #[serde(rename = "crate")]
    name: &'a str,
    version: String,
    line: &'a str,
    patches: usize,
    adds: &'a str,
    upstream: &'a Upstream,
    path: PathBuf,
}

/// Runs the verb.
pub fn run(arguments: &ApplyArgs, home: &Home, console: &Console) -> Result<()> {
    let chosen = series::select(arguments.series.all(home)?, &arguments.crates)?;
    let chosen = series::up_to(chosen, arguments.parts.or_all());
    let mut made = Vec::new();
    for series in &chosen {
        let path = tree::make(
            series,
            arguments.series.network(),
            arguments.force,
            home,
            console,
        )?;
        if !arguments.json {
            println!("{}", path.display());
        }
        made.push(Made {
            name: &series.name,
            version: series.version.to_string(),
            line: &series.line,
            patches: series.patches.len(),
            adds: &series.adds,
            upstream: &series.upstream,
            path,
        });
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&made)?);
    }
    Ok(())
}
