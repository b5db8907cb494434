//! A user's project: where its workspace is and what its lock file holds.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Output;

use anyhow::{Context, Result, bail};
use cargo_lock::Lockfile;
use cargo_metadata::{Metadata, Package};
use semver::Version;

use crate::release::Release;
use wasip2_ground::cargo::cargo;
use wasip2_ground::files::write_whole;
use wasip2_ground::process::quoted_tail;
use wasip2_ground::{Console, Process, interrupt, lock};

/// A cargo workspace of the user's.
#[derive(Clone, Debug)]
pub struct Project {
    /// The directory of the workspace's manifest.
    pub root: PathBuf,
}

impl Project {
    /// The workspace that `directory`, or the manifest `directory`, is in.
    pub fn find(directory: &Path, console: &Console) -> Result<Project> {
        let manifest = if directory.is_dir() {
            directory.join("Cargo.toml")
        } else {
            directory.to_owned()
        };
        if !manifest.is_file() {
            bail!(
                "{} is not a cargo project: it has no Cargo.toml; name the project's directory, or \
                 start one with `cargo new`",
                directory.display()
            );
        }
        let root = Process::new(cargo())
            .args(["locate-project", "--workspace", "--message-format=plain"])
            .arg("--manifest-path")
            .arg(&manifest)
            .read(console)
            .with_context(|| format!("cargo cannot read {}", manifest.display()))?;
        let root = Path::new(root.trim())
            .parent()
            .context("cargo named a manifest without a directory")?
            .to_owned();
        Ok(Project { root })
    }

    /// Keeps other processes of this tool from changing the project, for as
    /// long as the file that is given back lives. The lock is on the directory
    /// itself, so it leaves no file behind; not every file system has locks.
    pub fn lock_directory(&self, console: &Console) -> Result<File> {
        let root = self.root.display();
        let directory = File::open(&self.root).with_context(|| format!("{root} is not there"))?;
        let _ = lock::wait(&directory, root, console);
        interrupt::refuse()?;
        Ok(directory)
    }

    /// A cargo command in the project; `offline` keeps it from the network.
    pub fn cargo(&self, arguments: &[&str], offline: bool) -> Process {
        let process = Process::new(cargo())
            .current_dir(&self.root)
            .args(arguments);
        if offline {
            process.arg("--offline")
        } else {
            process
        }
    }

    /// Its workspace's packages.
    pub fn packages(&self, console: &Console) -> Result<Vec<Package>> {
        let text = self
            .cargo(&["metadata", "--format-version=1", "--no-deps"], true)
            .read(console)
            .with_context(|| format!("cargo cannot read the project in {}", self.root.display()))?;
        Ok(serde_json::from_str::<Metadata>(&text)?.packages)
    }

    /// The manifests of those, and of the workspace itself.
    pub fn manifests(&self, console: &Console) -> Result<Vec<PathBuf>> {
        let mut manifests = vec![self.root.join("Cargo.toml")];
        for package in self.packages(console)? {
            let manifest = package.manifest_path.into_std_path_buf();
            if !manifests.contains(&manifest) {
                manifests.push(manifest);
            }
        }
        Ok(manifests)
    }

    /// The lock file's path.
    pub fn lock_path(&self) -> PathBuf {
        self.root.join("Cargo.lock")
    }

    /// Reads the lock file; cargo brings it up to date first.
    pub fn lock(&self, offline: bool, console: &Console) -> Result<Lockfile> {
        // `--workspace` touches nothing that is locked already.
        let arguments = ["update", "--quiet", "--workspace"];
        let output = self.cargo(&arguments, offline).output(console)?;
        if !output.status.success() {
            bail!(
                "cargo could not bring the lock file of {} up to date{}",
                self.root.display(),
                quoted_tail(&output.stderr, 20)
            );
        }
        let path = self.lock_path();
        if !path.is_file() {
            bail!("{} was not written by cargo", path.display());
        }
        read_lock(&path)
    }

    /// What `cargo update` with these words would change; the lock file stays as
    /// it is. Nothing where cargo cannot do it.
    pub fn try_update(&self, words: &[String], offline: bool, console: &Console) -> Result<Update> {
        let output = self
            .cargo(&["update", "--dry-run", "--color=never"], offline)
            .args(words)
            .output(console)?;
        Ok(match output.status.success() {
            true => Update::read(&String::from_utf8_lossy(&output.stderr)),
            false => Update::default(),
        })
    }

    /// Has cargo lock the newest of everything that the manifests allow.
    pub fn update(&self, offline: bool, console: &Console) -> Result<()> {
        let output = self
            .cargo(&["update", "--quiet"], offline)
            .output(console)?;
        if !output.status.success() {
            bail!(
                "cargo could not update the lock file of {}{}",
                self.root.display(),
                quoted_tail(&output.stderr, 20)
            );
        }
        Ok(())
    }

    /// Has cargo lock `release` instead of `version`; gives back what it said.
    pub fn move_lock(
        &self,
        release: &Release,
        version: &Version,
        offline: bool,
        console: &Console,
    ) -> Result<Output> {
        let package = format!("{}@{version}", release.name);
        let precise = release.version.to_string();
        self.cargo(&["update", "--quiet"], offline)
            .args(["--package", &package, "--precise", &precise])
            .output(console)
    }
}

/// What `cargo update` changes: packages as `name@version`.
#[derive(Debug, Default, PartialEq)]
pub struct Update {
    /// What is not locked any more.
    pub removed: Vec<String>,
    /// What is locked then.
    pub added: Vec<String>,
}

impl Update {
    /// Reads what it prints: `Removing socket2 v0.5.10`, `Adding mio v1.2.5`,
    /// `Updating mio v0.8.11 -> v1.2.5 (available: …)`.
    fn read(said: &str) -> Update {
        let mut update = Update::default();
        for line in said.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let at = |name: &str, version: &str| {
                let version = version.strip_prefix('v')?;
                Some(format!("{name}@{version}"))
            };
            match words.as_slice() {
                ["Removing", name, version, ..] => update.removed.extend(at(name, version)),
                ["Adding", name, version, ..] => update.added.extend(at(name, version)),
                ["Updating" | "Downgrading", name, old, "->", new, ..] => {
                    update.removed.extend(at(name, old));
                    update.added.extend(at(name, new));
                }
                _ => {}
            }
        }
        update
    }
}

/// Reads the lock file at `path`.
pub fn read_lock(path: &Path) -> Result<Lockfile> {
    let read = || parse_lock(&fs::read_to_string(path)?);
    read().with_context(|| format!("{} could not be read", path.display()))
}

/// The lock file of that `text`.
pub fn parse_lock(text: &str) -> Result<Lockfile> {
    // cargo-lock (11.1) panics where one is 64 bytes of other characters.
    let table: toml::Table = text.parse()?;
    let packages = table.get("package").and_then(toml::Value::as_array);
    let own = (packages.into_iter().flatten()).filter_map(|package| package.get("checksum"));
    // Where the first lock files had them.
    let metadata = table.get("metadata").and_then(toml::Value::as_table);
    let strange = own
        .chain(metadata.into_iter().flat_map(|all| all.values()))
        .filter_map(toml::Value::as_str)
        .find(|checksum| !checksum.is_ascii());
    if let Some(strange) = strange {
        bail!("{strange:?} is no checksum");
    }
    Ok(text.parse()?)
}

/// The versions of `krate` in the lock file.
pub fn locked(lock: &Lockfile, krate: &str) -> Vec<Version> {
    let mut versions: Vec<Version> = lock
        .packages
        .iter()
        .filter(|package| package.name.as_str() == krate)
        .filter_map(|package| package.version.to_string().parse().ok())
        .collect();
    versions.sort();
    versions
}

/// Which packages of the lock file depend on this version of `krate`, for a
/// message.
pub fn pulled_in_by(lock: &Lockfile, krate: &str, version: &Version) -> String {
    let version = version.to_string();
    let pulls = |package: &&cargo_lock::Package| {
        package.dependencies.iter().any(|dependency| {
            dependency.name.as_str() == krate && dependency.version.to_string() == version
        })
    };
    let mut names: Vec<String> = lock
        .packages
        .iter()
        .filter(pulls)
        .map(|package| format!("{} v{}", package.name, package.version))
        .collect();
    names.sort();
    match names.as_slice() {
        [] => "nothing pulls it in".to_owned(),
        names => format!("pulled in by {}", names.join(", ")),
    }
}

/// A file's content, kept so that it can be put back.
#[derive(Debug)]
pub struct Kept {
    path: PathBuf,
    content: Option<Vec<u8>>,
}

impl Kept {
    /// Remembers what stands at `path`, or that nothing does.
    pub fn of(path: PathBuf) -> Result<Kept> {
        let content = match fs::read(&path) {
            Ok(content) => Some(content),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                return Err(error).with_context(|| format!("{} could not be read", path.display()));
            }
        };
        Ok(Kept { path, content })
    }

    /// Puts it back as it was.
    pub fn restore(&self) -> Result<()> {
        match &self.content {
            Some(content) => write_whole(&self.path, content),
            None => match fs::remove_file(&self.path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
                _ => {
                    // The directory that was made for it; one that holds
                    // anything else stays.
                    let _ = self.path.parent().map(fs::remove_dir);
                    Ok(())
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Update, parse_lock};

    #[test]
    fn a_checksum_of_other_characters_is_refused() {
        let lock = |checksum: &str| {
            format!("[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"{checksum}\"\n")
        };
        assert!(parse_lock(&lock(&"0".repeat(64))).is_ok());
        for strange in ["\u{58e}", "\\u058e"] {
            let strange = format!("{}{strange}{}", "0".repeat(39), "0".repeat(23));
            assert!(parse_lock(&lock(&strange)).is_err());
            let old = format!("[metadata]\n\"checksum a 1.0.0 (x)\" = \"{strange}\"\n");
            assert!(parse_lock(&old).is_err());
        }
    }

    #[test]
    fn what_an_update_changes_is_read() {
        let update = Update::read(
            "    Updating crates.io index\n     Locking 3 packages\n    Removing socket2 v0.5.10\n    \
             Updating mio v0.8.11 -> v1.2.5 (available: v2.0.0)\n      Adding h2 v0.4.20\n",
        );
        assert_eq!(update.removed, ["socket2@0.5.10", "mio@0.8.11"]);
        assert_eq!(update.added, ["mio@1.2.5", "h2@0.4.20"]);
    }
}
