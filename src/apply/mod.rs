//! `cargo wasip2 apply`: from a series to a patched tree.
//!
//! The contract: a tree that is given back is the verified release with every
//! patch of its series applied, and stays where it is for as long as nothing
//! in the series changes; making it again then costs no more than reading the
//! patches. A tree that cannot be made leaves the previous one in place.

mod git;
mod manifest;
mod pristine;
mod release;
mod tree;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

pub use git::git;
pub use manifest::write as write_manifest;
pub use pristine::Pristine;
pub use release::{Network, Release, cargo};
pub use tree::path;

use crate::console::Console;
use crate::home::Home;
use crate::series::{self, Series, Upstream};

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
    series: SeriesArgs,
    /// Print JSON instead of paths
    #[arg(long)]
    json: bool,
}

/// Where the series come from and how their crates are fetched.
#[derive(Args, Clone, Debug, Default)]
pub struct SeriesArgs {
    /// Take the series from DIR instead of the tool's own
    #[arg(long, value_name = "DIR", env = "CARGO_WASIP2_PATCHES")]
    pub patches: Option<PathBuf>,
    /// Do not use the network
    #[arg(long)]
    pub offline: bool,
}

impl SeriesArgs {
    /// Reads the series.
    pub fn all(&self, home: &Home) -> Result<Vec<Series>> {
        let patches = match &self.patches {
            // Git is run in other directories.
            Some(patches) => std::path::absolute(patches)?,
            None => crate::source::Source::find(home)?.patches(),
        };
        Series::all(&patches)
    }

    /// How cargo may reach the registry.
    pub fn network(&self) -> Network {
        Network {
            offline: self.offline,
        }
    }
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

/// Makes the patched tree of each series.
pub fn make(series: &[Series], network: Network, home: &Home, console: &Console) -> Result<()> {
    for series in series {
        tree::make(series, network, false, home, console)?;
    }
    Ok(())
}
