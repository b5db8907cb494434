//! The source of the standard library of exactly one compiler.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::debian::Package;
use crate::toolchain::Toolchain;
use wasip2_ground::mirror::mirror;
use wasip2_ground::{Console, Unfinished};

/// Where the source comes from.
#[derive(Clone, Debug)]
pub enum StdSource {
    /// Debian's package.
    Package(Package),
    /// rustup's component `rust-src`, in the toolchain, where nothing is
    /// changed.
    Component {
        library: PathBuf,
        /// The compiler's.
        version: String,
    },
}

impl StdSource {
    /// What the toolchain itself has, if rustup has put it there.
    pub fn component(toolchain: &Toolchain) -> Option<StdSource> {
        let library = toolchain.sysroot.join("lib/rustlib/src/rust/library");
        let whole = library.join("sysroot/Cargo.toml").is_file();
        whole.then(|| StdSource::Component {
            library,
            version: toolchain.release.clone(),
        })
    }

    /// The name of what holds it: of a package, or of a component.
    pub fn name(&self) -> &str {
        match self {
            StdSource::Package(package) => &package.name,
            StdSource::Component { .. } => "rust-src (rustup)",
        }
    }

    /// The version of that.
    pub fn version(&self) -> &str {
        match self {
            StdSource::Package(package) => &package.version,
            StdSource::Component { version, .. } => version,
        }
    }

    /// Puts the directory `library` into `directory`, whole or not at all.
    pub fn put(&self, directory: &Path, console: &Console) -> Result<PathBuf> {
        let library = directory.join("library");
        if library.is_dir() {
            return Ok(library);
        }
        let unfinished = Unfinished::new(directory)?;
        let copy = unfinished.scratch("copy");
        fs::create_dir(&copy)?;
        let found = match self {
            StdSource::Package(package) => {
                package.unpack(&["./usr/src/rustc-*/library"], &copy, console)?;
                fs::read_dir(copy.join("usr/src"))
                    .and_then(|mut entries| entries.next().transpose())
                    .ok()
                    .flatten()
                    .with_context(|| {
                        format!("{} has no /usr/src/rustc-*/library", package.file.display())
                    })?
                    .path()
                    .join("library")
            }
            StdSource::Component { library, .. } => {
                mirror(library, &copy, &[])
                    .with_context(|| format!("{} could not be copied", library.display()))?;
                copy
            }
        };
        fs::rename(found, &library)
            .with_context(|| format!("{} could not be made", library.display()))?;
        Ok(library)
    }
}
