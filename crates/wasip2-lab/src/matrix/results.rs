//! What a run gave, as `matrix.json` has it: enough to make every report from,
//! and to make the run again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use wasip2_ground::files::write_whole;

use super::cell::{Cell, Outcome, Variant};
use super::plan::{Kind, Row, Setting};

/// Changes when the meaning of a field does.
pub const FORMAT: u32 = 1;

/// The whole of `matrix.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Results {
    pub format: u32,
    pub made_with: MadeWith,
    /// A digest of the plan.
    pub plan: String,
    /// Whether it is what `--quick` runs.
    pub quick: bool,
    /// What was asked for of it, where that is not all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// Which part of how many it is, where it is not the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    pub settings: Vec<SettingShown>,
    pub rows: Vec<RowShown>,
    /// By row, variant and setting.
    pub cells: Vec<Cell>,
    /// How long all of it took.
    pub seconds: f64,
}

/// What the results follow from.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MadeWith {
    /// This tool's version.
    pub tool: String,
    pub rustc: String,
    pub os: String,
    pub architecture: String,
    /// The wasi-libc that the toolchain links where nothing else is said.
    pub libc: Option<String>,
    pub series: Vec<SeriesShown>,
}

/// A series that the patched variant is made with.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SeriesShown {
    #[serde(rename = "crate")]
    pub krate: String,
    pub version: String,
    pub patches: usize,
    /// A digest of the release and all its patches.
    pub digest: String,
}

/// A setting, for people.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SettingShown {
    pub name: String,
    pub about: String,
}

/// A row, for people.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RowShown {
    pub name: String,
    pub kind: Kind,
    #[serde(rename = "crate")]
    pub krate: String,
    /// The release that was locked, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    pub features: String,
    /// Where in the plan it stands.
    pub position: usize,
}

impl From<&Setting> for SettingShown {
    fn from(setting: &Setting) -> SettingShown {
        SettingShown {
            name: setting.name.clone(),
            about: setting.about.clone(),
        }
    }
}

impl RowShown {
    /// The row that stands at `position` in the plan.
    pub fn of(row: &Row, position: usize) -> RowShown {
        RowShown {
            name: row.name.clone(),
            kind: row.kind,
            krate: row.krate.clone(),
            version: None,
            features: row.features.clone(),
            position,
        }
    }
}

impl Results {
    /// Reads the results that stand at `path`.
    pub fn read(path: &Path) -> Result<Results> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("the results {} could not be read", path.display()))?;
        let what = || {
            format!(
                "{} holds no results of `cargo wasip2 matrix`, or only a part of them; write it \
                 anew with `cargo wasip2 matrix --json {}`",
                path.display(),
                path.display()
            )
        };
        let value: serde_json::Value = serde_json::from_str(&text).with_context(what)?;
        let format = value.get("format").and_then(serde_json::Value::as_u64);
        ensure!(
            format.is_none() || format == Some(u64::from(FORMAT)),
            "{} is in format {}, and this tool reads format {FORMAT}: use the tool that wrote it, \
             or write it anew",
            path.display(),
            format.unwrap_or_default()
        );
        let results: Results = serde_json::from_value(value).with_context(what)?;
        let rows: BTreeSet<&str> = results.rows.iter().map(|row| row.name.as_str()).collect();
        for cell in &results.cells {
            ensure!(
                rows.contains(cell.row.as_str()),
                "{} has the cell {}, and no row of that name",
                path.display(),
                cell.name()
            );
        }
        Ok(results)
    }

    /// Writes them to `path`, which may be no file but a pipe or a device.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_whole(path, self.json()?.as_bytes()).context("the results could not be written")
    }

    /// As JSON.
    pub fn json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// How many cells came out how.
    pub fn counts(&self, variant: Variant) -> BTreeMap<Outcome, usize> {
        let mut counts = BTreeMap::new();
        for cell in self.cells.iter().filter(|cell| cell.variant == variant) {
            *counts.entry(cell.outcome).or_insert(0) += 1;
        }
        counts
    }

    /// The cells that are not as expected.
    pub fn surprises(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().filter(|cell| !cell.as_expected())
    }

    /// The cells of a row, in their order.
    pub fn of_row<'a>(&'a self, row: &'a RowShown) -> impl Iterator<Item = &'a Cell> {
        self.cells.iter().filter(|cell| cell.row == row.name)
    }
}
