//! Copies of patched trees and shims in a user's project, so that it builds
//! anywhere with cargo alone.
//!
//! Each copy carries a stamp that says what it was made from and what is in
//! it. A copy is made beside the one in use and takes its place in one step;
//! one that someone has changed is never thrown away.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use walkdir::WalkDir;
use wasip2_ground::files::{file_name, hex, subdirectories};
use wasip2_ground::{Console, Unfinished};

/// The stamp's file in a copy.
const STAMP: &str = ".wasip2.toml";

/// What stays out of a copy, at its top: git's own, whose rules could keep
/// parts of the copy out of the project's repository.
const LEFT_OUT: [&str; 4] = [".git", ".gitignore", ".gitattributes", "target"];

/// What a copy says of itself.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct Stamp {
    /// A digest of what it was made from.
    made_from: String,
    /// A digest of what is in it.
    content: String,
}

/// How a copy stands to what it would be made from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is the same.
    Fresh,
    /// It was made from something else.
    Old,
    /// Its files are not those that were put there.
    Changed,
}

/// Whether `directory` is a copy.
pub fn is_copy(directory: &Path) -> bool {
    directory.join(STAMP).is_file()
}

/// How the copy in `directory` stands to what has the digest `made_from`.
pub fn state(directory: &Path, made_from: &str) -> Result<State> {
    Ok(if is_changed(directory)? {
        State::Changed
    } else if stamp(directory)?.made_from == made_from {
        State::Fresh
    } else {
        State::Old
    })
}

/// Whether the files of the copy in `directory` are not those that were put
/// there.
pub fn is_changed(directory: &Path) -> Result<bool> {
    Ok(stamp(directory)?.content != content(directory)?)
}

/// Makes `target` a copy of `source`, which has the digest `made_from`.
pub fn copy(source: &Path, target: &Path, made_from: &str, console: &Console) -> Result<()> {
    if is_copy(target) {
        match state(target, made_from)? {
            State::Fresh => {
                console.detail("Fresh", target.display());
                return Ok(());
            }
            State::Old => {}
            State::Changed => bail!(
                "{} was changed after it was put there, and would be replaced; nothing was \
                 changed: make a patch of the change, or remove that directory",
                target.display()
            ),
        }
    } else if target.exists() {
        bail!(
            "{} exists and is no copy that this tool made; nothing was changed: name another \
             directory",
            target.display()
        );
    }
    let parent = target.parent().context("a copy is below a directory")?;
    let unfinished = Unfinished::new(parent)?;
    let work = unfinished.whole();
    for file in files(source)? {
        let to = work.join(&file);
        fs::create_dir_all(to.parent().unwrap_or(&work))?;
        fs::copy(source.join(&file), &to)
            .with_context(|| format!("{} could not be copied", file.display()))?;
    }
    let stamp = Stamp {
        made_from: made_from.to_owned(),
        content: content(&work)?,
    };
    let text = format!(
        "# Put here by `cargo wasip2 init --vendor`; `cargo wasip2 doctor` looks at it.\n{}",
        toml::to_string(&stamp)?
    );
    fs::write(work.join(STAMP), text)?;
    unfinished.put(target)
}

/// Removes the copies below `directory` but those named `kept`, and the
/// directory where nothing is left in it. One that was changed stays.
pub fn remove(directory: &Path, kept: &[String], console: &Console) -> Result<()> {
    if !directory.is_dir() {
        return Ok(());
    }
    for copy in subdirectories(directory)? {
        if kept.contains(&file_name(&copy)) || !is_copy(&copy) {
            continue;
        }
        if is_changed(&copy)? {
            console.warn(format!(
                "{} was changed after it was put there, and stays; remove it by hand",
                copy.display()
            ));
        } else {
            fs::remove_dir_all(&copy)
                .with_context(|| format!("{} could not be removed", copy.display()))?;
            console.detail("Removed", copy.display());
        }
    }
    let mut left = directory;
    // Fails where something else stands in it, as it should.
    while fs::remove_dir(left).is_ok() {
        match left.parent() {
            Some(parent) => left = parent,
            None => break,
        }
    }
    Ok(())
}

fn stamp(directory: &Path) -> Result<Stamp> {
    let path = directory.join(STAMP);
    let text = fs::read_to_string(&path)
        .with_context(|| format!("{} could not be read", path.display()))?;
    toml::from_str(&text).with_context(|| format!("{} is not ours", path.display()))
}

/// The files that a copy has, but the stamp, by relative path and in order.
fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let entries = WalkDir::new(directory)
        .min_depth(1)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| {
            let left_out = LEFT_OUT.iter().any(|name| entry.file_name() == *name);
            !(entry.depth() == 1 && (left_out || entry.file_name() == STAMP))
        });
    for entry in entries {
        let entry = entry.with_context(|| format!("{} could not be read", directory.display()))?;
        if !entry.file_type().is_dir() {
            files.push(entry.path().strip_prefix(directory)?.to_owned());
        }
    }
    Ok(files)
}

/// A digest of what is in a directory.
pub fn content(directory: &Path) -> Result<String> {
    let mut digest = Sha256::new();
    for file in files(directory)? {
        let path = directory.join(&file);
        let bytes =
            fs::read(&path).with_context(|| format!("{} could not be read", path.display()))?;
        for part in file.components() {
            digest.update(part.as_os_str().as_encoded_bytes());
            digest.update([0]);
        }
        digest.update(bytes.len().to_le_bytes());
        digest.update(bytes);
    }
    Ok(hex(&digest.finalize()))
}

#[cfg(test)]
mod tests {
    use wasip2_ground::console::Verbosity;

    use super::*;

    fn console() -> Console {
        Console::new(Verbosity::Quiet, None)
    }

    #[test]
    fn a_copy_that_was_changed_is_neither_replaced_nor_removed() {
        let directory = tempfile::tempdir().unwrap();
        let source = directory.path().join("source");
        let target = directory.path().join("project/vendor/sample");
        let console = console();
        fs::create_dir_all(source.join("src")).unwrap();
        fs::write(source.join("src/lib.rs"), "one").unwrap();
        fs::write(source.join(".gitignore"), "src").unwrap();
        copy(&source, &target, "first", &console).unwrap();
        assert_eq!(state(&target, "first").unwrap(), State::Fresh);
        assert_eq!(state(&target, "second").unwrap(), State::Old);
        assert!(!target.join(".gitignore").exists());

        fs::write(source.join("src/lib.rs"), "two").unwrap();
        copy(&source, &target, "second", &console).unwrap();
        assert_eq!(fs::read(target.join("src/lib.rs")).unwrap(), b"two");
        assert_eq!(state(&target, "second").unwrap(), State::Fresh);

        fs::write(target.join("src/lib.rs"), "mine").unwrap();
        assert_eq!(state(&target, "second").unwrap(), State::Changed);
        let error = copy(&source, &target, "third", &console).unwrap_err();
        assert!(error.to_string().contains("was changed"), "{error}");
        remove(target.parent().unwrap(), &[], &console).unwrap();
        assert_eq!(fs::read(target.join("src/lib.rs")).unwrap(), b"mine");

        fs::write(target.join("src/lib.rs"), "two").unwrap();
        remove(target.parent().unwrap(), &[], &console).unwrap();
        assert!(!directory.path().join("project").exists());
        assert!(directory.path().join("source").exists());
    }

    #[test]
    fn what_is_not_a_copy_is_never_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let error = copy(directory.path(), directory.path(), "first", &console());
        assert!(error.unwrap_err().to_string().contains("is no copy"));
    }
}
