//! A repository to try patches in, without a trace.

use std::path::{Path, PathBuf};

use anyhow::Result;

use wasip2_ground::{Console, Home, Unfinished};
use wasip2_series::git::{self, git, read};

/// What is compared of two commits: what they make.
pub const TREE: &str = "--format=%T";
/// And what they say, too.
pub const ALL: &str = "--format=%T%n%an <%ae>%n%B";

/// A clone to try patches in.
#[derive(Debug)]
pub struct Scratch {
    /// Where it stands.
    pub repository: PathBuf,
    /// Removed with it.
    _directory: Unfinished,
}

impl Scratch {
    /// Clones `repository`.
    pub fn clone_of(repository: &Path, home: &Home, console: &Console) -> Result<Scratch> {
        let directory = Unfinished::new(&home.directory("bump")?)?;
        let clone = directory.whole();
        git(&clone, ["clone", "--quiet", "--no-checkout"])
            .arg(repository)
            .arg(&clone)
            .read(console)?;
        Ok(Scratch {
            repository: clone,
            _directory: directory,
        })
    }

    /// The commit that `patch` makes on `onto`; nothing where it does not apply.
    pub fn apply(&self, patch: &Path, onto: &str, console: &Console) -> Result<Option<String>> {
        let repository = &self.repository;
        read(
            repository,
            &["checkout", "--quiet", "--force", "--detach", onto],
            console,
        )?;
        if git::apply(repository, patch, console)?.is_some() {
            read(repository, &["am", "--abort"], console)?;
            return Ok(None);
        }
        read(repository, &["rev-parse", "HEAD"], console).map(Some)
    }

    /// Whether `patch` leads from the first commit of `step` to the second, as
    /// far as `format` shows.
    pub fn makes(
        &self,
        patch: &Path,
        step: (&str, &str),
        format: &str,
        console: &Console,
    ) -> Result<bool> {
        let Some(made) = self.apply(patch, step.0, console)? else {
            return Ok(false);
        };
        let show = |commit: &str| {
            let arguments = ["show", "--no-patch", format, commit];
            read(&self.repository, &arguments, console)
        };
        Ok(show(&made)? == show(step.1)?)
    }
}
