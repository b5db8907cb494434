//! Where everything that the tool makes is kept.
//!
//! `CARGO_WASIP2_HOME` names the directory; inside the repository its
//! `.cargo/config.toml` points it at `target/wasip2`, elsewhere it is
//! `wasip2` in cargo's own home. Nothing in it is precious: whatever is
//! deleted is made again.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::console::Console;

/// The directory of everything generated.
#[derive(Clone, Debug)]
pub struct Home {
    root: PathBuf,
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
        Ok(Home { root })
    }

    /// The user's own one, whatever `CARGO_WASIP2_HOME` says.
    pub fn of_user() -> Option<Home> {
        let root = home::cargo_home().ok()?.join("wasip2");
        Some(Home { root })
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

    /// Waits until no other process of this tool works on `what`, and keeps
    /// others out for as long as the file that is given back lives.
    pub fn lock(&self, what: &str, console: &Console) -> Result<File> {
        let path = self.directory("locks")?.join(what);
        let file = File::create(&path)
            .with_context(|| format!("the lock file {} could not be made", path.display()))?;
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                console.status(
                    "Blocking",
                    format!("waiting for another process's lock on {what}"),
                );
            }
            Err(TryLockError::Error(error)) => {
                return Err(error)
                    .with_context(|| format!("{} could not be locked", path.display()));
            }
        }
        file.lock()
            .with_context(|| format!("{} could not be locked", path.display()))?;
        Ok(file)
    }
}
