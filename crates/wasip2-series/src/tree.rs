//! The patched tree: the pristine release with its series applied.
//!
//! A tree is made beside the one in use and takes its place in one step, so a
//! patch that does not apply, or Ctrl-C, leaves the previous tree as it was.
//! Work that someone has done in a tree is never thrown away unasked.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::git::git;
use crate::manifest;
use crate::pristine::Pristine;
use crate::release::Network;
use crate::series::{PatchFile, Series};
use crate::vendor;
use wasip2_ground::{Console, Home, Unfinished};

/// What a finished tree says of itself, in `.git/wasip2.json`.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Stamp {
    /// [`Series::digest`] of what it was made from.
    series: String,
    /// The commit that the tool left checked out.
    commit: String,
}

/// Where the patched tree of `series` stands, made or not.
pub fn path(series: &Series, home: &Home) -> PathBuf {
    home.root().join("trees").join(series.directory_name())
}

/// Whether a patched tree stands in `directory`, whichever home it is in, or a
/// copy of one.
pub fn is_tree(directory: &Path) -> bool {
    stamp(directory).is_some() || vendor::is_copy(directory)
}

/// The commit of the patched tree in `directory` that the tool made, with
/// nothing that someone did there afterwards.
pub fn commit(directory: &Path) -> Result<String> {
    let stamp = stamp(directory);
    let stamp = stamp.with_context(|| format!("{} is no patched tree", directory.display()))?;
    Ok(stamp.commit)
}

/// Makes the patched tree of `series`, or finds it made. With `force`, changes
/// that someone made in the tree are given up.
pub fn make(
    series: &Series,
    network: Network,
    force: bool,
    home: &Home,
    console: &Console,
) -> Result<PathBuf> {
    let tree = path(series, home);
    let digest = series.digest()?;
    if stamp(&tree).is_some_and(|stamp| stamp.series == digest) {
        console.detail("Fresh", series);
        return Ok(tree);
    }
    let _lock = home.lock(&series.directory_name(), console)?;
    if stamp(&tree).is_some_and(|stamp| stamp.series == digest) {
        return Ok(tree);
    }
    if !force {
        refuse_to_lose_work(series, &tree, console)?;
    }
    let pristine = Pristine::get(series, network, home, console)?;
    console.status(
        "Patching",
        format!("{series} ({} patches)", series.patches.len()),
    );
    let parent = home.directory("trees")?;
    let unfinished = Unfinished::new(&parent)?;
    let work = unfinished.whole();
    let released = fs::canonicalize(&pristine.repository)?;
    git(&parent, ["clone", "--quiet", "--no-hardlinks"])
        .arg(&released)
        .arg(&work)
        .read(console)?;
    for patch in &series.patches {
        apply(series, patch, &work, console)?;
    }
    manifest::write(&pristine, &work, console)
        .with_context(|| format!("the manifest of {series} could not be made"))?;
    git(&work, ["add", "--all", "--force"]).read(console)?;
    git(
        &work,
        [
            "commit",
            "--quiet",
            "--no-verify",
            "--allow-empty",
            "--message",
            "Put cargo's normalised manifest in place",
        ],
    )
    .read(console)?;
    let stamp = Stamp {
        series: digest,
        commit: head(&work, console)?,
    };
    fs::write(
        work.join(".git/wasip2.json"),
        serde_json::to_vec_pretty(&stamp)?,
    )?;
    unfinished.put(&tree)?;
    Ok(tree)
}

/// Makes the patched tree of each series.
pub fn make_all(series: &[Series], network: Network, home: &Home, console: &Console) -> Result<()> {
    for series in series {
        make(series, network, false, home, console)?;
    }
    Ok(())
}

/// Applies one patch, or says which hunk of it does not fit.
fn apply(series: &Series, patch: &PatchFile, work: &Path, console: &Console) -> Result<()> {
    let output = git(
        work,
        [
            "am",
            "--quiet",
            "--keep-cr",
            "--committer-date-is-author-date",
        ],
    )
    .arg(&patch.path)
    .output(console)?;
    if output.status.success() {
        return Ok(());
    }
    let _ = git(work, ["am", "--abort"]).output(console);
    let check = git(work, ["apply", "--check", "--verbose"])
        .arg(&patch.path)
        .output(console)?;
    let said = String::from_utf8_lossy(&check.stderr).into_owned();
    let reason = match hunk(&said) {
        Some(hunk) => hunk,
        None => wasip2_ground::process::quoted_tail(&output.stderr, 12),
    };
    bail!(
        "the patch {} of {series} does not apply{reason}\n  the previous tree, if there was one, \
         is as it was; mend {}, or drop `--patches` if it is not yours",
        patch.name,
        patch.path.display(),
    )
}

/// The file, the line and the wanted text, from what `git apply` said.
fn hunk(said: &str) -> Option<String> {
    let failed = said
        .lines()
        .find(|line| line.starts_with("error: ") && !line.starts_with("error: while searching"))?;
    let place = failed
        .trim_start_matches("error: ")
        .trim_start_matches("patch failed: ");
    let mut text = match place.rsplit_once(':') {
        Some((file, line)) if line.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!(": the hunk at line {line} of {file} does not fit")
        }
        _ => format!(": {place}"),
    };
    let wanted: Vec<&str> = said
        .lines()
        .skip_while(|line| !line.starts_with("error: while searching"))
        .skip(1)
        .take_while(|line| !line.starts_with("error: "))
        .filter(|line| !line.is_empty())
        .take(8)
        .collect();
    if !wanted.is_empty() {
        text.push_str("; it looks for");
        for line in wanted {
            text.push_str("\n    ");
            text.push_str(line);
        }
    }
    Some(text)
}

/// An error where the tree holds changes that no patch has.
fn refuse_to_lose_work(series: &Series, tree: &Path, console: &Console) -> Result<()> {
    let Some(stamp) = stamp(tree) else {
        return Ok(());
    };
    let changed = git(tree, ["status", "--porcelain"]).read(console)?;
    if changed.trim().is_empty() && head(tree, console)? == stamp.commit {
        return Ok(());
    }
    bail!(
        "the patches of {series} have changed, but its tree {} holds work that is in none of \
         them\n  keep it with `git -C {0} format-patch -U1 {}`, or give it up with `cargo wasip2 \
         apply --force {}`",
        tree.display(),
        &stamp.commit[..12.min(stamp.commit.len())],
        series.name,
    )
}

fn stamp(tree: &Path) -> Option<Stamp> {
    serde_json::from_slice(&fs::read(tree.join(".git/wasip2.json")).ok()?).ok()
}

fn head(repository: &Path, console: &Console) -> Result<String> {
    let commit = git(repository, ["rev-parse", "HEAD"]).read(console)?;
    Ok(commit.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::hunk;

    #[test]
    fn a_failed_hunk_is_named_by_file_and_line() {
        let said = "Checking patch src/lib.rs...\nerror: while searching for:\nfn one() {}\n\n\
                    error: patch failed: src/lib.rs:12\nerror: src/lib.rs: patch does not apply\n";
        assert_eq!(
            hunk(said).unwrap(),
            ": the hunk at line 12 of src/lib.rs does not fit; it looks for\n    fn one() {}"
        );
    }

    #[test]
    fn a_missing_file_is_named() {
        let said = "error: src/gone.rs: No such file or directory\n";
        assert_eq!(
            hunk(said).unwrap(),
            ": src/gone.rs: No such file or directory"
        );
    }
}
