//! The pristine release: what the registry published, as one git commit.
//!
//! Cargo fetches it, so that mirrors, proxies and offline mode work as the
//! user has set them up, and cargo checks the package against the index. The
//! series then has two words of its own: the index's checksum must be the one
//! that the patches were written for, and the imported files must make the
//! very git tree that it names, whatever stands in cargo's unpacked copy.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use walkdir::WalkDir;

use super::git::git;
use super::release::Network;
use crate::console::Console;
use crate::home::Home;
use crate::series::Series;

/// Files of a package that cargo wrote, or that would change what git does.
const NOT_UPSTREAMS: [&str; 5] = [
    ".cargo-ok",
    ".cargo-checksum.json",
    ".cargo_vcs_info.json",
    ".gitattributes",
    ".gitignore",
];

/// A git repository whose one commit is the release.
#[derive(Debug)]
pub struct Pristine {
    /// The repository. Its `Cargo.toml` is upstream's own.
    pub repository: PathBuf,
    /// Cargo's normalised manifest of the same release.
    pub manifest: PathBuf,
}

impl Pristine {
    /// The release that `series` is for; fetched the first time.
    pub fn get(
        series: &Series,
        network: Network,
        home: &Home,
        console: &Console,
    ) -> Result<Pristine> {
        let parent = home.directory("pristine")?;
        let repository = parent.join(series.directory_name());
        let pristine = Pristine {
            manifest: repository.join(".git").join("normalised.toml"),
            repository,
        };
        if pristine.manifest.is_file() && tree_of(&pristine.repository, console)? == series.tree {
            return Ok(pristine);
        }
        let unpacked = series.release().fetch(network, home, console)?;
        let unfinished = tempfile::Builder::new()
            .prefix(".import-")
            .tempdir_in(&parent)
            .with_context(|| format!("a directory could not be made in {}", parent.display()))?;
        import(series, &unpacked, unfinished.path(), console)?;
        let tree = tree_of(unfinished.path(), console)?;
        ensure!(
            !series.tree.is_empty(),
            "the series of {series} does not name the release's git tree yet: put `tree = \
             \"{tree}\"` into its series.toml"
        );
        ensure!(
            tree == series.tree,
            "the source of {series} in {} is not what was published: its files make the git \
             tree {tree}, and the series is for {}\n  if that directory was edited, delete it and \
             try again",
            unpacked.display(),
            series.tree,
        );
        if pristine.repository.exists() {
            fs::remove_dir_all(&pristine.repository)?;
        }
        fs::rename(unfinished.keep(), &pristine.repository)?;
        Ok(pristine)
    }
}

/// Copies the release to `repository` and commits it.
fn import(series: &Series, unpacked: &Path, repository: &Path, console: &Console) -> Result<()> {
    let upstreams = unpacked.join("Cargo.toml.orig");
    ensure!(
        upstreams.is_file(),
        "{} holds no Cargo.toml.orig, upstream's own manifest, which {series}'s patches are \
         for\n  `cargo vendor` leaves it out of older vendored directories: fetch this crate from \
         a registry",
        unpacked.display()
    );
    for entry in WalkDir::new(unpacked).min_depth(1) {
        let entry = entry.with_context(|| format!("{} could not be read", unpacked.display()))?;
        let relative = entry.path().strip_prefix(unpacked)?;
        if NOT_UPSTREAMS.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        let target = repository.join(relative);
        if entry.file_type().is_dir() {
            fs::create_dir_all(&target)?;
        } else if relative != Path::new("Cargo.toml") && relative != Path::new("Cargo.toml.orig") {
            fs::copy(entry.path(), &target)
                .with_context(|| format!("{} could not be written", target.display()))?;
        }
    }
    fs::copy(&upstreams, repository.join("Cargo.toml"))?;
    git(repository, ["init", "--quiet"]).read(console)?;
    fs::copy(
        unpacked.join("Cargo.toml"),
        repository.join(".git/normalised.toml"),
    )?;
    git(repository, ["add", "--all", "--force"]).read(console)?;
    git(
        repository,
        [
            "commit",
            "--quiet",
            "--no-verify",
            "--message",
            &format!("Import {} {} as released", series.name, series.version),
        ],
    )
    .read(console)?;
    git(repository, ["tag", "released"]).read(console)?;
    Ok(())
}

fn tree_of(repository: &Path, console: &Console) -> Result<String> {
    let tree = git(repository, ["rev-parse", "HEAD^{tree}"]).read(console)?;
    Ok(tree.trim().to_owned())
}
