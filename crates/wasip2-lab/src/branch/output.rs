//! Where a branch goes: a directory that is replaced only as long as nobody
//! but this verb has put anything there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use wasip2_ground::Console;
use wasip2_series::git::git;

/// Where the repository says that it is one of ours.
const STAMP: &str = ".git/wasip2-branch.json";
/// Where the texts of pull requests stand.
const TEXTS: &str = ".git/pull-requests";

/// What the repository was when it was left.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Stamp {
    /// The name that `HEAD` stands for.
    head: String,
    /// Every branch and tag, and its commit.
    refs: BTreeMap<String, String>,
}

/// A repository in the making, beside the place that it is for.
#[derive(Debug)]
pub struct Output {
    directory: PathBuf,
    unfinished: TempDir,
    work: PathBuf,
}

impl Output {
    /// Makes sure that `directory` may be written.
    pub fn prepare(directory: PathBuf, console: &Console) -> Result<Output> {
        refuse_what_is_not_ours(&directory, console)?;
        let parent = directory
            .parent()
            .with_context(|| format!("no repository can be made in {}", directory.display()))?;
        let make = || -> std::io::Result<TempDir> {
            fs::create_dir_all(parent)?;
            let unfinished = tempfile::Builder::new()
                .prefix(".branch-")
                .tempdir_in(parent)?;
            fs::create_dir(unfinished.path().join("work"))?;
            Ok(unfinished)
        };
        let unfinished = make()
            .with_context(|| format!("a directory could not be made in {}", parent.display()))?;
        Ok(Output {
            work: unfinished.path().join("work"),
            directory,
            unfinished,
        })
    }

    /// The directory to work in.
    pub fn work(&self) -> &Path {
        &self.work
    }

    /// Writes the text for `branch`; gives back where it will stand.
    pub fn write_pull_request(&self, branch: &str, text: &str) -> Result<PathBuf> {
        let name = format!("{branch}.md");
        fs::create_dir_all(self.work.join(TEXTS))?;
        fs::write(self.work.join(TEXTS).join(&name), text)?;
        Ok(self.directory.join(TEXTS).join(name))
    }

    /// Puts the repository in its place.
    pub fn finish(self, console: &Console) -> Result<PathBuf> {
        let stamp = stamp(&self.work, console)?;
        fs::write(self.work.join(STAMP), serde_json::to_vec_pretty(&stamp)?)?;
        // Once more: the work took a while.
        refuse_what_is_not_ours(&self.directory, console)?;
        let previous = self.unfinished.path().join("previous");
        if self.directory.exists() {
            fs::rename(&self.directory, &previous)
                .with_context(|| format!("{} could not be replaced", self.directory.display()))?;
        }
        if let Err(error) = fs::rename(&self.work, &self.directory) {
            let _ = fs::rename(&previous, &self.directory);
            return Err(error).with_context(|| {
                format!("{} could not be put in place", self.directory.display())
            });
        }
        Ok(self.directory)
    }
}

/// An error unless `directory` is missing, empty, or as this verb left it.
fn refuse_what_is_not_ours(directory: &Path, console: &Console) -> Result<()> {
    let Ok(mut entries) = fs::read_dir(directory) else {
        if directory.symlink_metadata().is_ok() {
            bail!("{} exists and is not a directory", directory.display());
        }
        return Ok(());
    };
    if entries.next().is_none() {
        return Ok(());
    }
    let left = fs::read(directory.join(STAMP))
        .ok()
        .and_then(|text| serde_json::from_slice::<Stamp>(&text).ok());
    let Some(left) = left else {
        bail!(
            "{} exists and was not made by `cargo wasip2 branch`\n  name another directory with \
             `--out`, or remove it",
            directory.display()
        );
    };
    let dirty = git(directory, ["status", "--porcelain", "--ignored"]).read(console)?;
    let what = if !dirty.trim().is_empty() {
        "uncommitted changes"
    } else if stamp(directory, console)? != left {
        "commits or branches that were not there when it was made"
    } else {
        return Ok(());
    };
    bail!(
        "{} has {what}, and is not overwritten\n  name another directory with `--out`, or remove \
         it once nothing in it is needed any more",
        directory.display()
    )
}

fn stamp(repository: &Path, console: &Console) -> Result<Stamp> {
    let head = git(repository, ["rev-parse", "--symbolic-full-name", "HEAD"]).read(console)?;
    let refs = git(
        repository,
        ["for-each-ref", "--format=%(refname) %(objectname)"],
    )
    .read(console)?;
    Ok(Stamp {
        head: head.trim().to_owned(),
        refs: refs
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, commit)| (name.to_owned(), commit.to_owned()))
            .collect(),
    })
}
