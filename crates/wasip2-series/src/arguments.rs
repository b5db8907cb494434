//! Where series come from, as the command line says it.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use wasip2_ground::Home;

use crate::release::Network;
use crate::series::Series;
use crate::source::Source;

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
            None => Source::find(home)?.patches(),
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
