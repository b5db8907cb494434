//! The results of cells, kept from run to run, so that an interrupted run goes
//! on where it was.
//!
//! A result is found again as long as nothing that it follows from changes:
//! its file is named by a digest of all that. Only what is as expected is
//! taken from there; the rest is run again.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

use super::cell::{Cell, Outcome};
use wasip2_ground::Console;
use wasip2_ground::files::{hex, write_whole};

/// A digest of the sources of whatever builds, runs and judges a cell; the build
/// script has the list.
const JUDGES: &str = env!("WASIP2_JUDGES");

/// Where results are kept.
#[derive(Debug)]
pub struct Kept {
    directory: PathBuf,
    /// Of what every cell follows from.
    common: Sha256,
    fresh: bool,
}

impl Kept {
    /// In this directory; what is there already does not count if `fresh`.
    /// `inputs` are what every cell follows from.
    pub fn new<'a>(
        directory: PathBuf,
        inputs: impl IntoIterator<Item = &'a str>,
        fresh: bool,
    ) -> Kept {
        let mut common = Sha256::new();
        add(&mut common, JUDGES);
        for input in inputs {
            add(&mut common, input);
        }
        Kept {
            directory,
            common,
            fresh,
        }
    }

    /// The file of what follows from `inputs`.
    pub fn file<'a>(&self, inputs: impl IntoIterator<Item = &'a str>) -> PathBuf {
        let mut digest = self.common.clone();
        for input in inputs {
            add(&mut digest, input);
        }
        let name = &hex(&digest.finalize())[..32];
        self.directory.join(format!("{name}.json"))
    }

    /// What is kept there, if it can be taken.
    pub fn read(&self, file: &Path, console: &Console) -> Option<Cell> {
        if self.fresh {
            return None;
        }
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            Err(error) => {
                console.warn(format!(
                    "the kept result {} could not be read ({error}); the cell is run again",
                    file.display()
                ));
                return None;
            }
        };
        match serde_json::from_str::<Cell>(&text) {
            Ok(cell) => (cell.as_expected() && cell.outcome != Outcome::NotRun).then_some(cell),
            Err(error) => {
                console.warn(format!(
                    "the kept result {} is not right ({error}); the cell is run again",
                    file.display()
                ));
                None
            }
        }
    }

    /// Keeps a result.
    pub fn write(&self, file: &Path, cell: &Cell) -> Result<()> {
        write_whole(
            file,
            (serde_json::to_string_pretty(cell)? + "\n").as_bytes(),
        )
        .context("a result could not be kept")
    }
}

/// A digest of the files below `directory`, but for those in `except`.
pub fn digest(directory: &Path, except: &[&str]) -> Result<String> {
    let mut digest = Sha256::new();
    let entries = WalkDir::new(directory).sort_by_file_name().into_iter();
    for entry in entries.filter_entry(|entry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() != 1 || !(name == "target" || except.contains(&&*name))
    }) {
        let entry = entry.with_context(|| format!("{} could not be read", directory.display()))?;
        if entry.file_type().is_file() {
            add(
                &mut digest,
                &entry.path().strip_prefix(directory)?.to_string_lossy(),
            );
            let content = fs::read(entry.path())?;
            digest.update((content.len() as u64).to_le_bytes());
            digest.update(content);
        }
    }
    Ok(hex(&digest.finalize()))
}

fn add(digest: &mut Sha256, text: &str) {
    digest.update((text.len() as u64).to_le_bytes());
    digest.update(text);
}
