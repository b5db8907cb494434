//! The pristine release: what the registry published, as one git commit.
//!
//! Cargo fetches it, so that mirrors, proxies and offline mode work as the
//! user has set them up, and cargo checks the package against the index. The
//! series then has two words of its own: the index's checksum must be the one
//! that the patches were written for, and the imported files must make the
//! very git tree that it names, whatever stands in cargo's unpacked copy.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

use crate::git::git;
use crate::release::{Network, Release};
use crate::series::Series;
use wasip2_ground::{Console, Home, Unfinished};

/// Where the repository keeps cargo's normalised manifest.
const NORMALISED: &str = ".git/normalised.toml";
/// Where it keeps its [`Origin`].
const ORIGIN: &str = ".git/origin.json";

/// Files of a package that cargo wrote, or that would change what git does.
const NOT_UPSTREAMS: [&str; 5] = [
    ".cargo-ok",
    ".cargo-checksum.json",
    ".cargo_vcs_info.json",
    ".gitattributes",
    ".gitignore",
];

/// A git repository whose one commit, tagged `released`, is the release.
#[derive(Debug)]
pub struct Pristine {
    /// The repository. Its `Cargo.toml` is upstream's own.
    pub repository: PathBuf,
    /// Cargo's normalised manifest of the same release.
    pub manifest: PathBuf,
    /// Where the release is from.
    pub origin: Origin,
}

/// Where a release is from.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Origin {
    /// SHA-256 of the package, as the registry's index has it.
    pub checksum: String,
    /// The git tree that the files make.
    pub tree: String,
    /// Upstream's commit that was packaged, if the package says so.
    pub commit: Option<String>,
}

impl Pristine {
    /// The release that `series` is for; fetched the first time.
    pub fn get(
        series: &Series,
        network: Network,
        home: &Home,
        console: &Console,
    ) -> Result<Pristine> {
        let release = series.release();
        let _lock = lock(&release, home, console)?;
        if let Some(kept) = Pristine::kept(&release, home, console)?
            && kept.origin.checksum == series.checksum
            && kept.origin.tree == series.tree
        {
            return Ok(kept);
        }
        let verify = |origin: &Origin, unpacked: &Path| {
            ensure!(
                !series.tree.is_empty(),
                "the series of {series} does not name the release's git tree yet: put `tree = \
                 \"{}\"` into its series.toml",
                origin.tree
            );
            ensure!(
                origin.tree == series.tree,
                "the source of {series} in {} is not what was published: its files make the git \
                 tree {}, and the series is for {}\n  if that directory was edited, delete it \
                 and try again",
                unpacked.display(),
                origin.tree,
                series.tree,
            );
            Ok(())
        };
        Pristine::make(&release, network, verify, home, console)
    }

    /// A release that no series is for yet.
    pub fn of_release(
        release: &Release,
        network: Network,
        home: &Home,
        console: &Console,
    ) -> Result<Pristine> {
        let _lock = lock(release, home, console)?;
        match Pristine::kept(release, home, console)? {
            Some(kept) => Ok(kept),
            None => Pristine::make(release, network, |_, _| Ok(()), home, console),
        }
    }

    /// The repository that was made before, if it is whole.
    fn kept(release: &Release, home: &Home, console: &Console) -> Result<Option<Pristine>> {
        let repository = home.directory("pristine")?.join(release.directory_name());
        let origin = fs::read(repository.join(ORIGIN))
            .ok()
            .and_then(|text| serde_json::from_slice::<Origin>(&text).ok());
        let Some(origin) = origin else {
            return Ok(None);
        };
        if tree_of(&repository, console)? != origin.tree {
            return Ok(None);
        }
        Ok(Some(Pristine {
            manifest: repository.join(NORMALISED),
            repository,
            origin,
        }))
    }

    /// Fetches and imports the release; it is kept if `verify` agrees.
    fn make(
        release: &Release,
        network: Network,
        verify: impl FnOnce(&Origin, &Path) -> Result<()>,
        home: &Home,
        console: &Console,
    ) -> Result<Pristine> {
        let unpacked = release.fetch(network, home, console)?;
        let parent = home.directory("pristine")?;
        let unfinished = Unfinished::new(&parent)?;
        let whole = unfinished.whole();
        import(release, &unpacked.directory, &whole, console)?;
        let origin = Origin {
            checksum: unpacked.checksum,
            tree: tree_of(&whole, console)?,
            commit: upstream_commit(&unpacked.directory),
        };
        verify(&origin, &unpacked.directory)?;
        // Written last: without it the repository does not count.
        fs::write(whole.join(ORIGIN), serde_json::to_vec_pretty(&origin)?)?;
        let repository = parent.join(release.directory_name());
        unfinished.put(&repository)?;
        Ok(Pristine {
            manifest: repository.join(NORMALISED),
            repository,
            origin,
        })
    }
}

/// Keeps others from fetching the release at the same time.
fn lock(release: &Release, home: &Home, console: &Console) -> Result<File> {
    home.lock(&format!("released-{}", release.directory_name()), console)
}

/// The commit that `cargo package` noted.
fn upstream_commit(unpacked: &Path) -> Option<String> {
    let text = fs::read(unpacked.join(".cargo_vcs_info.json")).ok()?;
    let noted: serde_json::Value = serde_json::from_slice(&text).ok()?;
    Some(noted.get("git")?.get("sha1")?.as_str()?.to_owned())
}

/// Copies the release to `repository` and commits it.
fn import(release: &Release, unpacked: &Path, repository: &Path, console: &Console) -> Result<()> {
    let upstreams = unpacked.join("Cargo.toml.orig");
    ensure!(
        upstreams.is_file(),
        "{} holds no Cargo.toml.orig, upstream's own manifest, which {release}'s patches are \
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
    fs::copy(unpacked.join("Cargo.toml"), repository.join(NORMALISED))?;
    git(repository, ["add", "--all", "--force"]).read(console)?;
    git(
        repository,
        [
            "commit",
            "--quiet",
            "--no-verify",
            "--message",
            &format!("Import {} {} as released", release.name, release.version),
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
