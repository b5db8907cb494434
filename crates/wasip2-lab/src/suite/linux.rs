//! The tests that the released crate runs on Linux:
//! `compat-tests/expectations/<crate>.linux`, a name a line.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::outcome::{Outcome, Trial};
use wasip2_ground::Console;
use wasip2_ground::files::write_whole;

/// The names, in their order.
#[derive(Debug, Default)]
pub struct LinuxTests(BTreeSet<String>);

impl LinuxTests {
    /// Reads the list of `krate`; where there is none yet, it is empty.
    pub fn read(directory: &Path, krate: &str) -> Result<LinuxTests> {
        let path = path(directory, krate);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(LinuxTests(text.lines().map(str::to_owned).collect())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(LinuxTests::default()),
            Err(error) => {
                Err(error).with_context(|| format!("{} could not be read", path.display()))
            }
        }
    }

    /// The tests that a native run has run, whatever came of them.
    pub fn of(trials: &[Trial]) -> LinuxTests {
        let run = |trial: &&Trial| !matches!(trial.outcome, Outcome::Ignored | Outcome::Absent);
        LinuxTests(
            trials
                .iter()
                .filter(run)
                .map(|trial| trial.name.clone())
                .collect(),
        )
    }

    /// Writes the list.
    pub fn write(&self, directory: &Path, krate: &str, console: &Console) -> Result<()> {
        let path = path(directory, krate);
        let mut text = String::new();
        for name in &self.0 {
            text.push_str(name);
            text.push('\n');
        }
        write_whole(&path, text.as_bytes())?;
        console.status(
            "Wrote",
            format!("{}: {} tests", path.display(), self.0.len()),
        );
        Ok(())
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether the test is one of them.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

fn path(directory: &Path, krate: &str) -> PathBuf {
    directory.join(format!("{krate}.linux"))
}
