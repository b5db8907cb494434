//! Puts what this crate carries into one archive: the series, the shims and the
//! examples, laid out as the repository is.
//!
//! They stand in the repository, outside of this package. A package that is
//! published brings the archive along; CONTRIBUTING.md says how it is made.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tar::{Builder, HeaderMode};

/// What is carried.
const CARRIED: [&str; 4] = [
    "patches",
    "vendor-shims",
    "compat-tests/programs/guests",
    "compat-tests/programs/servers",
];

/// The archive's name.
const ARCHIVE: &str = "data.tar";

fn main() -> io::Result<()> {
    let path = |name| PathBuf::from(env::var_os(name).unwrap_or_default());
    let package = path("CARGO_MANIFEST_DIR");
    let archive = path("OUT_DIR").join(ARCHIVE);
    println!("cargo::rerun-if-changed=build.rs");
    let repository = package.join("../..");
    if !CARRIED.iter().all(|name| repository.join(name).is_dir()) {
        println!("cargo::rerun-if-changed={ARCHIVE}");
        let brought = package.join(ARCHIVE);
        fs::copy(&brought, archive).map_err(|error| {
            io::Error::other(format!(
                "{} is not there ({error}): this package was not made as CONTRIBUTING.md says",
                brought.display()
            ))
        })?;
        return Ok(());
    }
    let mut builder = Builder::new(File::create(archive)?);
    // The same content makes the same archive.
    builder.mode(HeaderMode::Deterministic);
    for name in CARRIED {
        println!(
            "cargo::rerun-if-changed={}",
            repository.join(name).display()
        );
        add(&mut builder, &repository, Path::new(name))?;
    }
    builder.finish()
}

/// Adds the file `name`, or all below it but what was built there.
fn add(builder: &mut Builder<File>, repository: &Path, name: &Path) -> io::Result<()> {
    let path = repository.join(name);
    if !path.is_dir() {
        return builder.append_path_with_name(path, name);
    }
    let mut entries = fs::read_dir(path)?
        .map(|entry| Ok(name.join(entry?.file_name())))
        .collect::<io::Result<Vec<PathBuf>>>()?;
    entries.retain(|entry| !entry.ends_with("target"));
    entries.sort();
    entries
        .iter()
        .try_for_each(|entry| add(builder, repository, entry))
}
