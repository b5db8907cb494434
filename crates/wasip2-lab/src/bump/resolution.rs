//! Whether a person has resolved a conflict.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Result, bail, ensure};

use wasip2_ground::Console;
use wasip2_series::git::{git, read};

/// The files in which git left a conflict.
pub fn conflicted(repository: &Path, console: &Console) -> Result<Vec<String>> {
    Ok(unmerged(repository, console)?.into_keys().collect())
}

/// An error that says what is left to do; else the index holds the resolution.
pub fn check(repository: &Path, files: &[String], head: &str, console: &Console) -> Result<()> {
    for file in files {
        if let Some(line) = marker(&repository.join(file)) {
            bail!(
                "line {line} of {} still has a conflict marker\n  edit the file, then run `cargo \
                 wasip2 bump --continue` again",
                repository.join(file).display()
            );
        }
    }
    for (file, stages) in unmerged(repository, console)? {
        // One side removed the file, so no marker says what was decided.
        ensure!(
            stages.contains(&'2') && stages.contains(&'3'),
            "one side changed {file}, the other removed it\n  decide with `git add {file}` or `git \
             rm {file}` in {}",
            repository.display()
        );
    }
    let untracked =
        git(repository, ["ls-files", "--others", "--exclude-standard"]).read(console)?;
    ensure!(
        untracked.trim().is_empty(),
        "{} has files that git does not know; `git add` those that belong to the patch and remove \
         the others:\n  {}",
        repository.display(),
        untracked.trim().replace('\n', "\n  ")
    );
    read(repository, &["add", "--update"], console)?;
    let now = read(repository, &["rev-parse", "HEAD"], console)?;
    if now == head {
        return Ok(());
    }
    let parent = git(repository, ["rev-parse", "--quiet", "--verify", "HEAD^"]).output(console)?;
    let clean = git(repository, ["diff", "--cached", "--quiet", "HEAD"]).output(console)?;
    ensure!(
        String::from_utf8_lossy(&parent.stdout).trim() == head && clean.status.success(),
        "{} was committed to otherwise than with one commit for this patch\n  `git reset --soft \
         {head}` leaves the changes and takes the commits back",
        repository.display()
    );
    Ok(())
}

/// The files that are not merged, with the sides that have them: 1 is what
/// both began with, 2 the new release, 3 the patch.
fn unmerged(repository: &Path, console: &Console) -> Result<BTreeMap<String, Vec<char>>> {
    let listed = git(repository, ["ls-files", "--unmerged", "-z"]).read(console)?;
    let mut files: BTreeMap<String, Vec<char>> = BTreeMap::new();
    for entry in listed.split('\0').filter(|entry| !entry.is_empty()) {
        if let Some((facts, file)) = entry.split_once('\t') {
            let stages = files.entry(file.to_owned()).or_default();
            stages.extend(facts.chars().last());
        }
    }
    Ok(files)
}

/// The line of the first conflict marker in a file.
fn marker(file: &Path) -> Option<usize> {
    let text = fs::read(file).ok()?;
    let text = String::from_utf8_lossy(&text);
    let marker = |line: &str| {
        ["<<<<<<< ", "||||||| ", ">>>>>>> "]
            .iter()
            .any(|marker| line.starts_with(marker))
    };
    text.lines().position(marker).map(|index| index + 1)
}
