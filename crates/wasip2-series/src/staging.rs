//! A workspace of ours that is locked and overridden as a user's project would
//! be.
//!
//! What stands in it is for its caller to say. It is initialised once for all
//! that it follows from, as a stamp in its `target` tells; the trees that it is
//! built with are there in any case.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use walkdir::WalkDir;
use wasip2_ground::files::write_whole;
use wasip2_ground::process::quoted_tail;
use wasip2_ground::{Console, Home, Wasi};

use crate::arguments::SeriesArgs;
use crate::overrides::{self, Options};
use crate::project::{Project, locked};
use crate::release::Release;
use crate::series::Series;
use crate::shims::Shims;
use crate::{tree, wasi};

/// A workspace that is to be initialised.
#[derive(Debug, Default)]
pub struct Staging<'a> {
    /// Its directory, which holds its packages.
    pub root: PathBuf,
    /// The workspace's manifest, where it is not among those.
    pub manifest: Option<String>,
    /// The lock file that it begins with, if there is one.
    pub lock: Option<PathBuf>,
    /// The releases that are locked instead of others of their lines.
    pub releases: Vec<Release>,
    /// The series whose crates are overridden.
    pub series: &'a [Series],
    /// The version of WASI that it is built for.
    pub wasi: Wasi,
}

/// What is remembered of an initialised workspace: what it follows from, and
/// the trees that it is built with.
type Stamp = (String, Vec<String>);

impl Staging<'_> {
    /// Initialises it.
    pub fn initialise(
        &self,
        arguments: &SeriesArgs,
        home: &Home,
        console: &Console,
    ) -> Result<Project> {
        let project = Project {
            root: self.root.clone(),
        };
        if let Some(manifest) = &self.manifest {
            let path = self.root.join("Cargo.toml");
            if fs::read(&path).ok().as_deref() != Some(manifest.as_bytes()) {
                write_whole(&path, manifest.as_bytes())?;
            }
        }
        let shims = Shims::find(home)?;
        shims.stage_all(home, console)?;
        let lock = self.lock.as_ref().and_then(|lock| fs::read(lock).ok());
        let inputs = self.inputs(&shims, lock.as_deref())?;
        let path = self.root.join("target/initialised");
        let stamp = fs::read(&path).ok();
        let stamp = stamp.and_then(|stamp| serde_json::from_slice::<Stamp>(&stamp).ok());
        if let Some((_, trees)) = stamp.filter(|(before, _)| *before == inputs) {
            let used = |series: &&Series| trees.contains(&series.directory_name());
            for series in self.series.iter().filter(used) {
                tree::make(series, arguments.network(), false, home, console)?;
            }
            return Ok(project);
        }
        if let Some(lock) = lock {
            write_whole(&project.lock_path(), &lock)?;
        }
        self.lock_releases(&project, arguments.offline, console)?;
        let options = Options {
            offline: arguments.offline,
            wasi: Some(self.wasi),
            ..Options::default()
        };
        let used = overrides::initialise(&project, self.series, &options, home, console)?;
        let trees = used.iter().map(|series| series.directory_name()).collect();
        let stamp: Stamp = (inputs, trees);
        write_whole(&path, &serde_json::to_vec(&stamp)?)?;
        Ok(project)
    }

    /// What the lock file and the configuration follow from.
    fn inputs(&self, shims: &Shims, lock: Option<&[u8]>) -> Result<String> {
        let mut inputs = env!("CARGO_PKG_VERSION").to_owned();
        inputs.extend(wasi::rustflags(self.wasi));
        inputs.push_str(&String::from_utf8_lossy(lock.unwrap_or_default()));
        for release in &self.releases {
            inputs.push_str(&format!("{release}\n"));
        }
        for series in self.series {
            inputs.push_str(&series.digest()?);
        }
        for manifest in shims.manifests()?.iter().chain(&manifests(&self.root)?) {
            inputs.push_str(&fs::read_to_string(manifest)?);
        }
        Ok(inputs)
    }

    /// Locks the releases, so that what is compared differs by the patches
    /// alone.
    fn lock_releases(&self, project: &Project, offline: bool, console: &Console) -> Result<()> {
        if self.releases.is_empty() {
            return Ok(());
        }
        let lock = project.lock(offline, console)?;
        for release in &self.releases {
            for version in locked(&lock, &release.name) {
                if !release.serves(&version) || version == release.version {
                    continue;
                }
                // Cargo refuses where moving another package has moved this.
                let output = project.move_lock(release, &version, offline, console)?;
                let now = locked(&project.lock(offline, console)?, &release.name);
                ensure!(
                    !now.contains(&version),
                    "cargo cannot lock {release} instead of v{version} in {}{}",
                    self.root.display(),
                    quoted_tail(&output.stderr, 12)
                );
            }
        }
        Ok(())
    }
}

/// The manifests of a workspace and of the packages in it.
fn manifests(root: &Path) -> Result<Vec<PathBuf>> {
    let mut manifests = Vec::new();
    let entries = WalkDir::new(root).max_depth(2).sort_by_file_name();
    for entry in entries
        .into_iter()
        .filter_entry(|entry| entry.file_name() != "target")
    {
        let entry = entry?;
        if entry.file_name() == "Cargo.toml" {
            manifests.push(entry.into_path());
        }
    }
    Ok(manifests)
}
