//! Where everything that the tool makes is kept.
//!
//! `CARGO_WASIP2_HOME` names the directory; inside the repository its
//! `.cargo/config.toml` points it at `target/wasip2`, elsewhere it is
//! `wasip2` in cargo's own home. Nothing in it is precious: whatever is
//! deleted is made again.

use std::fmt::Display;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::console::Console;
use crate::files::subdirectories;
use crate::lock;
use crate::unfinished::Unfinished;

/// The directory of everything generated.
#[derive(Clone, Debug)]
pub struct Home {
    root: PathBuf,
    /// Whether nothing may be fetched into it.
    offline: bool,
}

impl Home {
    /// Finds the directory; it is made when the first thing is put there.
    pub fn find() -> Result<Home> {
        let root = match std::env::var_os("CARGO_WASIP2_HOME") {
            Some(path) if !path.is_empty() => std::path::absolute(path)?,
            _ => home::cargo_home()
                .context("no home directory for this user: set CARGO_WASIP2_HOME")?
                .join("wasip2"),
        };
        let offline = false;
        Ok(Home { root, offline })
    }

    /// The same, into which nothing is fetched if `offline`.
    pub fn offline(self, offline: bool) -> Home {
        Home { offline, ..self }
    }

    /// Whether nothing may be fetched into it.
    pub fn is_offline(&self) -> bool {
        self.offline
    }

    /// An error where `what` would have to be fetched, and nothing may be.
    pub fn may_fetch(&self, what: impl Display) -> Result<()> {
        ensure!(
            !self.offline,
            "{what} is not on this machine, and `--offline` keeps it from being fetched; leave \
             that out once, with a network"
        );
        Ok(())
    }

    /// The user's own one, whatever `CARGO_WASIP2_HOME` says.
    pub fn of_user() -> Option<Home> {
        let root = home::cargo_home().ok()?.join("wasip2");
        let offline = false;
        Some(Home { root, offline })
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A directory below it, made where it is missing.
    pub fn directory(&self, name: impl AsRef<Path>) -> Result<PathBuf> {
        let path = self.root.join(name);
        fs::create_dir_all(&path)
            .with_context(|| format!("the directory {} could not be made", path.display()))?;
        Ok(path)
    }

    /// Removes what ended processes left half made in it.
    pub fn sweep(&self) {
        for directory in subdirectories(&self.root).unwrap_or_default() {
            Unfinished::sweep(&directory);
        }
    }

    /// Waits until no other process of this tool works on `what`, and keeps
    /// others out for as long as the file that is given back lives.
    pub fn lock(&self, what: &str, console: &Console) -> Result<File> {
        let path = self.directory("locks")?.join(what);
        let file = File::create(&path)
            .with_context(|| format!("the lock file {} could not be made", path.display()))?;
        lock::wait(&file, what, console)
            .with_context(|| format!("{} could not be locked", path.display()))?;
        Ok(file)
    }
}
