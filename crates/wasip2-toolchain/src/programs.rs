//! Programs of a package: installed, or taken out of Debian's packages.
//!
//! They come from the machine's own release, as they must suit the libraries
//! that are installed. Nothing is installed: the packages are unpacked below
//! `<home>/services`, with those libraries that are missing.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::debian;
use wasip2_ground::{Console, Home, Unfinished};

/// What came of looking for a program.
#[derive(Debug)]
pub enum Found {
    Here(Programs),
    /// It is neither installed nor can be had.
    Missing(String),
}

/// A directory with programs.
#[derive(Debug)]
pub struct Programs {
    directory: PathBuf,
    /// Where the packages are unpacked that they are from.
    root: Option<PathBuf>,
}

impl Programs {
    /// A command for the program `name`.
    pub fn command(&self, name: &str) -> Command {
        let (file, libraries) = self.file(name);
        let mut command = Command::new(file);
        if let Some(libraries) = libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        command
    }

    /// The file of the program `name`, and the directories of the libraries
    /// that it needs beside this machine's.
    pub fn file(&self, name: &str) -> (PathBuf, Option<OsString>) {
        let libraries = self.root.as_deref().map(library_path);
        (self.directory.join(name), libraries)
    }

    /// The directory on the way to the programs that other users may not
    /// enter, if there is one.
    pub fn closed_to_others(&self) -> Option<&Path> {
        self.directory.ancestors().find(|directory| {
            fs::metadata(directory).is_ok_and(|it| it.permissions().mode() & 0o001 == 0)
        })
    }
}

/// Looks for `program` in the directories `places`, in which one component may
/// be `*`, and takes it from `package` where it is in none.
pub fn find(
    program: &str,
    places: &[&str],
    package: &str,
    home: &Home,
    console: &Console,
) -> Result<Found> {
    if let Some(directory) = search(Path::new("/"), places, program) {
        return Ok(Found::Here(Programs {
            directory,
            root: None,
        }));
    }
    let _lock = home.lock("services", console)?;
    let root = home.directory("services")?.join(package);
    if !root.is_dir()
        && let Err(reason) = fetch(package, &root, home, console)
    {
        return Ok(Found::Missing(format!(
            "`{program}` is not installed, and could not be had from Debian's packages: \
             {reason:#}; install the package `{package}`"
        )));
    }
    match search(&root, places, program) {
        Some(directory) => Ok(Found::Here(Programs {
            directory,
            root: Some(root),
        })),
        None => Ok(Found::Missing(format!(
            "the package `{package}` in {} holds no `{program}`; install it",
            root.display()
        ))),
    }
}

/// The first of `places` below `root` that holds `program`; of those that a
/// `*` stands for, the last.
fn search(root: &Path, places: &[&str], program: &str) -> Option<PathBuf> {
    places.iter().find_map(|place| {
        let place = place.trim_start_matches('/');
        let mut directories = match place.split_once("/*/") {
            None => vec![root.join(place)],
            Some((before, after)) => fs::read_dir(root.join(before))
                .into_iter()
                .flatten()
                .filter_map(|entry| Some(entry.ok()?.path().join(after)))
                .collect(),
        };
        directories.retain(|directory| directory.join(program).is_file());
        directories.sort();
        directories.pop()
    })
}

/// Unpacks `package` and what it depends on, as far as it is not installed,
/// into `root`.
fn fetch(package: &str, root: &Path, home: &Home, console: &Console) -> Result<()> {
    home.may_fetch(format!("the package `{package}`"))?;
    let packages = debian::fetch_with_dependencies(package, home, console)?;
    let parent = root.parent().context("the root has no parent")?;
    let unfinished = Unfinished::new(parent)?;
    for package in &packages {
        package.unpack(&[], &unfinished.whole(), console)?;
    }
    unfinished.put(root)?;
    for package in &packages {
        // Only what is unpacked is used from now on.
        let _ = fs::remove_file(&package.file);
    }
    Ok(())
}

/// Where libraries lie in unpacked packages.
fn library_path(root: &Path) -> OsString {
    let mut directories = Vec::new();
    for library in ["lib", "usr/lib"] {
        let library = root.join(library);
        directories.extend(
            fs::read_dir(&library)
                .into_iter()
                .flatten()
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| path.to_string_lossy().ends_with("-linux-gnu")),
        );
        directories.push(library);
    }
    std::env::join_paths(directories).unwrap_or_default()
}
