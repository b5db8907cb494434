//! A repository of overrides that others fetch from: a branch for each release
//! that has a series, and one for the shims.
//!
//! A commit that was there once is named by a tag, too, so that it can be
//! fetched when its branch has moved on. Unlike everything else, this is done
//! with the user's own configuration of git, which says how to log in.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail};
use wasip2_ground::process::quoted_tail;
use wasip2_ground::{Console, Process};

/// What a repository has.
#[derive(Debug)]
pub struct Remote {
    url: String,
    /// Each branch and tag, by its whole name, with its commit.
    references: BTreeMap<String, String>,
}

/// What became of a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It was made.
    New,
    /// It leads to another commit now.
    Moved,
    /// It leads there already.
    Fresh,
}

impl Remote {
    /// Asks the repository at `url`.
    pub fn ask(url: &str, console: &Console) -> Result<Remote> {
        let output = git()
            .args(["ls-remote", "--heads", "--tags", "--", url])
            .output(console)?;
        if !output.status.success() {
            bail!(
                "git cannot read the repository {url}{}",
                quoted_tail(&output.stderr, 12)
            );
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let references = text.lines().filter_map(|line| line.split_once('\t'));
        Ok(Remote {
            url: url.to_owned(),
            references: references
                .map(|(commit, name)| (name.to_owned(), commit.to_owned()))
                .collect(),
        })
    }

    /// Whether `commit` is what a branch or a tag of it leads to.
    pub fn has(&self, commit: &str) -> bool {
        self.references.values().any(|other| other == commit)
    }

    /// Pushes `commit` of the repository in `directory` as `branch`, and names
    /// it. A branch that leads to what nobody named is not ours, and stays.
    pub fn push(
        &self,
        directory: &Path,
        branch: &str,
        commit: &str,
        console: &Console,
    ) -> Result<Pushed> {
        let head = format!("refs/heads/{branch}");
        let before = self.references.get(&head);
        let tag = tag(branch, commit);
        if before.is_some_and(|before| before == commit) && self.references.contains_key(&tag) {
            return Ok(Pushed::Fresh);
        }
        if let Some(before) = before
            && before != commit
            && !self.references.contains_key(&self::tag(branch, before))
        {
            bail!(
                "the branch {branch} of {} leads to {before}, which this tool did not put there; \
                 nothing was pushed: push to a repository that is for overrides alone",
                self.url
            );
        }
        let expected = before.map_or("", String::as_str);
        let output = git()
            .current_dir(directory)
            .args(["push", "--quiet", "--atomic"])
            .arg(format!("--force-with-lease={head}:{expected}"))
            .args(["--", &self.url])
            .arg(format!("{commit}:{head}"))
            .arg(format!("{commit}:{tag}"))
            .output(console)?;
        if !output.status.success() {
            bail!(
                "git could not push {branch} to {}{}",
                self.url,
                quoted_tail(&output.stderr, 12)
            );
        }
        Ok(match before {
            None => Pushed::New,
            Some(_) => Pushed::Moved,
        })
    }
}

/// The tag that names `commit` for as long as the repository stands.
fn tag(branch: &str, commit: &str) -> String {
    format!("refs/tags/{branch}/{commit}")
}

fn git() -> Process {
    let mut process = Process::new("git").or_install("install git");
    // What a hook that runs this tool has set is for another repository.
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        process = process.env_remove(variable);
    }
    process.env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C")
}
