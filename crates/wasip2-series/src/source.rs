//! The project's own data: patches, shims, guests and suites.
//!
//! Inside the repository they are read from the tree, so that an edited patch
//! counts at once; `CARGO_WASIP2_SOURCE`, which the repository's
//! `.cargo/config.toml` sets, names it. An installed tool carries them and
//! unpacks them below its home.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use wasip2_ground::files::hex;
use wasip2_ground::{Home, Unfinished};

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
    let unfinished = Unfinished::new(&home.directory("source")?)?;
    let whole = unfinished.whole();
    tar::Archive::new(CARRIED)
        .unpack(&whole)
        .with_context(|| format!("{} could not be written", whole.display()))?;
    // Another process may have been quicker; its directory holds the same.
    if !root.is_dir() {
        unfinished.put(&root)?;
    }
    Ok(root)
}
