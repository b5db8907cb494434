//! What is surveyed, as `ci/survey.toml` says.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// `ci/survey.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// When and how it was chosen, for people.
    pub chosen: String,
    #[serde(rename = "entry")]
    pub entries: Vec<Entry>,
}

/// A crate, or a program.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Entry {
    /// The package.
    pub name: String,
    /// The requirement that it is depended on by; the newest by default.
    #[serde(default = "any")]
    pub version: String,
    /// The features beside the default ones.
    #[serde(default)]
    pub features: Vec<String>,
    /// Whether the default ones are off, as nobody has them.
    #[serde(default)]
    pub no_default_features: bool,
    /// Whether it is a program: its own lock file counts, and what it needs
    /// only to be tested does not.
    #[serde(default)]
    pub program: bool,
}

fn any() -> String {
    "*".to_owned()
}

impl List {
    pub fn read(path: &Path) -> Result<List> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("the survey's list {} could not be read", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{} is not right", path.display()))
    }
}
