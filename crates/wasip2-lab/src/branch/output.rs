//! Where a branch goes: a directory that is replaced only as long as nobody
//! but this verb has put anything there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use wasip2_ground::{Console, Unfinished, interrupt, lock};
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
    unfinished: Unfinished,
    work: PathBuf,
    /// Keeps others out, where the file system has locks.
    _lock: File,
}

impl Output {
    /// Makes sure that `directory` may be written.
    pub fn prepare(directory: PathBuf, console: &Console) -> Result<Output> {
        let parent = directory
            .parent()
            .with_context(|| format!("no repository can be made in {}", directory.display()))?;
        let unfinished = Unfinished::new(parent)?;
        let lock = File::open(parent)
            .with_context(|| format!("{} could not be opened", parent.display()))?;
        let _ = lock::wait(&lock, parent.display(), console);
        interrupt::refuse()?;
        refuse_what_is_not_ours(&directory, console)?;
        Ok(Output {
            work: unfinished.whole(),
            directory,
            unfinished,
            _lock: lock,
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
        self.unfinished.put(&self.directory)?;
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
