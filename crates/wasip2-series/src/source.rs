//! The project's own data: patches, shims, guests and suites.
//!
//! Inside the repository they are read from the tree, so that an edited patch
//! counts at once; `CARGO_WASIP2_SOURCE`, which the repository's
//! `.cargo/config.toml` sets, names it. An installed tool carries them and
//! unpacks them below its home.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use wasip2_ground::Home;
use wasip2_ground::files::hex;

/// The archive that the build script makes.
static CARRIED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/data.tar"));

/// A directory laid out as the repository is.
#[derive(Clone, Debug)]
pub struct Source {
    root: PathBuf,
    /// Whether it is a checkout, where tests can be run.
    checkout: bool,
}

impl Source {
    /// The checkout that `CARGO_WASIP2_SOURCE` names, or else what the tool
    /// carries.
    pub fn find(home: &Home) -> Result<Source> {
        if let Some(root) = std::env::var_os("CARGO_WASIP2_SOURCE")
            && !root.is_empty()
        {
            let root = std::path::absolute(root)?;
            let checkout = root.join("compat-tests/tests").is_dir();
            return Ok(Source { root, checkout });
        }
        Ok(Source {
            root: unpack(home)?,
            checkout: false,
        })
    }

    /// Where the series stand.
    pub fn patches(&self) -> PathBuf {
        self.root.join("patches")
    }

    /// Where the shims stand.
    pub fn shims(&self) -> PathBuf {
        self.root.join("vendor-shims")
    }

    /// The workspace of the example guests.
    pub fn guests(&self) -> PathBuf {
        self.root.join("compat-tests/programs/guests")
    }

    /// The workspace of the example servers.
    pub fn servers(&self) -> PathBuf {
        self.root.join("compat-tests/programs/servers")
    }

    /// The repository, where this is one.
    pub fn checkout(&self) -> Option<&Path> {
        self.checkout.then_some(self.root.as_path())
    }
}

/// Unpacks what the tool carries, once for each content of it.
fn unpack(home: &Home) -> Result<PathBuf> {
    let digest = hex(&Sha256::digest(CARRIED));
    let root = home.directory("source")?.join(&digest[..16]);
    if root.is_dir() {
        return Ok(root);
    }
    let parent = home.directory("source")?;
    let unfinished = tempfile::Builder::new()
        .prefix(".unpack-")
        .tempdir_in(&parent)
        .with_context(|| format!("a directory could not be made in {}", parent.display()))?;
    tar::Archive::new(CARRIED)
        .unpack(unfinished.path())
        .with_context(|| format!("{} could not be written", unfinished.path().display()))?;
    // Another process may have been quicker; its directory holds the same.
    if fs::rename(unfinished.path(), &root).is_ok() {
        let _ = unfinished.keep();
    }
    Ok(root)
}
