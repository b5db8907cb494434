//! The pristine release: what the registry published, as one git commit.
//!
//! Cargo fetches it, so that mirrors, proxies and offline mode work as the
//! user has set them up, and cargo checks the package against the index. The
//! series then has two words of its own: the index's checksum must be the one
//! that the patches were written for, and the imported files must make the
//! very git tree that it names, whatever stands in cargo's unpacked copy.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use walkdir::WalkDir;

use super::git::git;
use crate::console::Console;
use crate::home::Home;
use crate::process::{Process, quoted_tail};
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

/// How cargo may reach the registry.
#[derive(Clone, Copy, Debug, Default)]
pub struct Network {
    /// `--offline`: only what is already on this machine.
    pub offline: bool,
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
        let unpacked = fetch(series, network, home, console)?;
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

/// Has cargo download and unpack the release; gives back where it stands.
fn fetch(series: &Series, network: Network, home: &Home, console: &Console) -> Result<PathBuf> {
    let stub = home.directory("fetch")?.join(series.directory_name());
    fs::create_dir_all(stub.join("src"))?;
    fs::write(stub.join("src/lib.rs"), "")?;
    fs::write(
        stub.join("Cargo.toml"),
        format!(
            "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [dependencies]\n{} = {{ version = \"={}\", default-features = false }}\n\n\
             [workspace]\n",
            series.name, series.version
        ),
    )?;
    let spinner = console.spinner("Downloading", series);
    // The directory has no configuration of a project's above it, so that an
    // override which is already there cannot stand in for the release.
    let mut process = Process::new(cargo())
        .current_dir(&stub)
        .args([
            "metadata",
            "--format-version=1",
            "--filter-platform=wasm32-wasip2",
        ])
        .env_remove("CARGO_BUILD_TARGET");
    if network.offline {
        process = process.arg("--offline");
    }
    let output = process.output(console)?;
    spinner.finish_and_clear();
    if !output.status.success() {
        bail!(
            "cargo could not get {series}{}\n  {}",
            quoted_tail(&output.stderr, 12),
            if network.offline {
                "without `--offline` it would be downloaded"
            } else {
                "check the network and cargo's `[source]` and `[http]` settings, then try again"
            }
        );
    }
    let metadata: cargo_metadata::Metadata =
        serde_json::from_slice(&output.stdout).context("cargo's metadata could not be read")?;
    let package = metadata
        .packages
        .iter()
        .find(|package| package.name.as_str() == series.name && package.version == series.version)
        .with_context(|| format!("cargo's metadata does not hold {series}"))?;
    let lock = cargo_lock::Lockfile::load(stub.join("Cargo.lock"))
        .context("the lock file that cargo wrote could not be read")?;
    let checksum = lock
        .packages
        .iter()
        .find(|package| {
            package.name.as_str() == series.name
                && package.version.to_string() == series.version.to_string()
        })
        .and_then(|package| package.checksum.as_ref())
        .map(ToString::to_string)
        .unwrap_or_default();
    ensure!(
        checksum == series.checksum,
        "the registry has another {series} than the series was made for: its checksum is \
         {checksum}, the series' is {}",
        series.checksum
    );
    package
        .manifest_path
        .parent()
        .map(|directory| directory.as_std_path().to_owned())
        .context("a manifest without a directory")
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

/// The cargo that runs this tool, or the one on `PATH`.
pub fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
