//! Where a project's overrides lead: to the tool's home on this machine, to
//! copies in the project, or to a repository of git's.
//!
//! Whoever builds the project elsewhere has no home of ours. Then the tool's
//! own runner is of no use either, and no compiler for C is set, since its
//! paths are this machine's.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};
use wasip2_ground::{Console, Home};

use crate::config::Config;
use crate::project::Project;
use crate::remote::Remote;
use crate::series::Series;
use crate::shims::Shims;
use crate::{tree, vendor};

/// The branch that the shims are on, in a repository of overrides.
pub const SHIMS: &str = "shims";

/// Where overrides lead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// To patched trees in the tool's home.
    #[default]
    Home,
    /// To copies of them below this directory of the project's, a relative
    /// path.
    Vendored(PathBuf),
    /// To branches of the repository at this URL.
    Git(String),
}

/// What an override names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A directory; a relative one begins at the workspace's.
    Path(PathBuf),
    /// A commit of a repository.
    Git {
        /// The repository.
        url: String,
        /// The commit.
        commit: String,
    },
}

impl fmt::Display for Placement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Placement::Home => write!(formatter, "the tool's own directory"),
            Placement::Vendored(directory) => write!(formatter, "{}", directory.display()),
            Placement::Git(url) => write!(formatter, "{url}"),
        }
    }
}

impl Placement {
    /// Copies below `directory`, which has to be in the project.
    pub fn vendored(project: &Project, directory: &Path) -> Result<Placement> {
        let absolute = std::path::absolute(directory)?;
        // The project's directory has no link in it, as cargo names it.
        let absolute = absolute.canonicalize().unwrap_or(absolute);
        let inside = absolute.strip_prefix(&project.root).ok();
        match inside {
            Some(inside)
                if inside.components().next().is_some()
                    && inside
                        .components()
                        .all(|part| matches!(part, Component::Normal(_))) =>
            {
                Ok(Placement::Vendored(inside.to_owned()))
            }
            _ => bail!(
                "{} is not a directory below {}; name one there, `--vendor {}` say: what is \
                 outside of the project would not come along with it",
                directory.display(),
                project.root.display(),
                project.root.join("vendor/wasip2").display()
            ),
        }
    }

    /// Whether the project is built on this machine alone.
    pub fn is_here(&self) -> bool {
        *self == Placement::Home
    }

    /// Puts what `config` overrides, all of it in the home so far, where it is
    /// to be, and has the overrides lead there.
    pub fn settle(
        &self,
        project: &Project,
        config: &mut Config,
        series: &[&Series],
        shims: &Shims,
        home: &Home,
        console: &Console,
    ) -> Result<()> {
        match self {
            Placement::Home => Ok(()),
            Placement::Vendored(directory) => {
                vendor_all(directory, project, config, series, shims, home, console)
            }
            Placement::Git(url) => name_commits(url, config, series, shims, home, console),
        }
    }
}

/// The series whose tree an override leads to.
fn of_path<'a>(path: &Path, series: &[&'a Series], home: &Home) -> Option<&'a Series> {
    let mut series = series.iter().copied();
    series.find(|series| tree::path(series, home) == path)
}

/// What to call an override's directory or branch.
fn name(key: &str, series: Option<&Series>) -> String {
    series.map_or_else(|| key.to_owned(), Series::directory_name)
}

fn vendor_all(
    directory: &Path,
    project: &Project,
    config: &mut Config,
    series: &[&Series],
    shims: &Shims,
    home: &Home,
    console: &Console,
) -> Result<()> {
    let mut kept = Vec::new();
    for (key, place) in config.overrides() {
        let Place::Path(source) = place else {
            continue;
        };
        let of = of_path(&source, series, home);
        let name = name(&key, of);
        let digest = match of {
            Some(series) => series.digest()?,
            None => shims.digest(&key, home)?,
        };
        let target = directory.join(&name);
        vendor::copy(&source, &project.root.join(&target), &digest, console)?;
        config.set_place(&key, &Place::Path(target));
        kept.push(name);
    }
    vendor::remove(&project.root.join(directory), &kept, console)?;
    config.write()?;
    console.status(
        "Vendored",
        format!("{} crates to {}", kept.len(), directory.display()),
    );
    Ok(())
}

fn name_commits(
    url: &str,
    config: &mut Config,
    series: &[&Series],
    shims: &Shims,
    home: &Home,
    console: &Console,
) -> Result<()> {
    let (_, shims_commit) = shims.repository(home, console)?;
    let mut wanted = Vec::new();
    for (key, place) in config.overrides() {
        let Place::Path(source) = place else {
            continue;
        };
        let (branch, commit) = match of_path(&source, series, home) {
            Some(series) => (series.directory_name(), tree::commit(&source)?),
            None => (SHIMS.to_owned(), shims_commit.clone()),
        };
        wanted.push((key, branch, commit));
    }
    // What is not asked, cargo finds out.
    if !home.is_offline() {
        let remote = Remote::ask(url, console)?;
        let missing: Vec<&str> = wanted
            .iter()
            .filter(|(_, _, commit)| !remote.has(commit))
            .map(|(_, branch, _)| branch.as_str())
            .collect();
        if !missing.is_empty() {
            bail!(
                "{url} does not have what the series of this tool make of {}\n  whoever may write \
                 there brings it up to date with `cargo wasip2 branch --all --push {url}`, in a \
                 checkout of the same version",
                missing.join(", ")
            );
        }
    }
    for (key, _, commit) in wanted {
        let url = url.to_owned();
        config.set_place(&key, &Place::Git { url, commit });
    }
    config.write().context("the overrides could not be written")
}
