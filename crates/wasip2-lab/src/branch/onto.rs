//! Whether patches apply elsewhere than on the release that they are for, such as
//! on upstream's main branch.
//!
//! The contract: nothing in the clone changes, its index and its objects included.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;

use wasip2_ground::{Console, Home, Process, Unfinished};
use wasip2_series::Series;
use wasip2_series::git::{git, read};

/// What became of the patches of one series.
#[derive(Debug, Serialize)]
pub struct Tries {
    #[serde(rename = "crate")]
    name: String,
    version: String,
    /// The commit that they were tried on.
    commit: String,
    /// When that was made.
    date: String,
    patches: Vec<Tried>,
}

/// What became of one patch.
#[derive(Debug, Serialize)]
pub struct Tried {
    patch: String,
    /// Whether it applies by itself.
    alone: bool,
    /// Whether it applies after those before it that do.
    stacked: bool,
    /// What git says where it does not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    said: Vec<String>,
}

/// Tries the patches of `series` on what `clone` has checked out.
pub fn try_on(clone: &Path, series: &Series, home: &Home, console: &Console) -> Result<Tries> {
    let shown = read(
        clone,
        &[
            "show",
            "--no-patch",
            "--format=%H %cd",
            "--date=short",
            "HEAD",
        ],
        console,
    )
    .with_context(|| format!("{} is not a clone of upstream's", clone.display()))?;
    let (commit, date) = shown.split_once(' ').unwrap_or((&shown, ""));
    let objects = read(clone, &["rev-parse", "--git-path", "objects"], console)?;
    let scratch = Unfinished::new(&home.directory("branches")?)?;
    let tree = Scratch {
        clone,
        objects: clone.join(objects),
        directory: scratch.whole(),
    };
    let stack = tree.index("stack");
    tree.git(&stack, &["read-tree", commit]).read(console)?;
    let mut patches = Vec::new();
    for patch in &series.patches {
        let apply = |index: &Path| {
            let mut process = tree.git(index, &["apply", "--cached"]);
            if !series.upstream.path.is_empty() {
                process = process.arg(format!("--directory={}", series.upstream.path));
            }
            process.arg(&patch.path).output(console)
        };
        let alone = tree.index("alone");
        tree.git(&alone, &["read-tree", commit]).read(console)?;
        let alone = apply(&alone)?.status.success();
        let stacked = apply(&stack)?;
        let said = String::from_utf8_lossy(&stacked.stderr);
        patches.push(Tried {
            patch: patch.name.clone(),
            alone,
            stacked: stacked.status.success(),
            said: said
                .lines()
                .filter_map(|line| line.strip_prefix("error: "))
                .filter(|line| !line.ends_with("patch does not apply"))
                .map(str::to_owned)
                .collect(),
        });
    }
    Ok(Tries {
        name: series.name.clone(),
        version: series.version.to_string(),
        commit: commit.to_owned(),
        date: date.to_owned(),
        patches,
    })
}

/// An index and objects beside those of the clone.
struct Scratch<'a> {
    clone: &'a Path,
    objects: PathBuf,
    directory: PathBuf,
}

impl Scratch<'_> {
    fn index(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn git(&self, index: &Path, arguments: &[&str]) -> Process {
        git(self.clone, arguments)
            .env("GIT_INDEX_FILE", index)
            .env("GIT_OBJECT_DIRECTORY", &self.directory)
            .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", &self.objects)
    }
}

impl fmt::Display for Tries {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let applies = self.patches.iter().filter(|patch| patch.stacked).count();
        writeln!(
            formatter,
            "{} {}: {applies} of {} patches apply on {:.12} of {}",
            self.name,
            self.version,
            self.patches.len(),
            self.commit,
            self.date
        )?;
        for patch in &self.patches {
            let number = patch.patch.split('-').next().unwrap_or_default();
            match (patch.alone, patch.stacked) {
                (true, true) => writeln!(formatter, "  {number} applies by itself")?,
                (false, true) => writeln!(formatter, "  {number} applies after those before it")?,
                (_, false) => writeln!(
                    formatter,
                    "  {number} does not apply: {}",
                    patch.said.join("; ")
                )?,
            }
        }
        Ok(())
    }
}
