//! A series: the ordered patches for one release line of one crate.
//!
//! It stands in `patches/<crate>/<release line>/`: `series.toml` says which
//! release the patches are for, and every `NNNN-what-it-does.patch` beside it
//! belongs to the series, in the order of the numbers, as do those that it
//! takes from another line ([`files`]).

pub mod files;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use semver::Version;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::apply::Release;
use crate::source::hex;
pub use files::PatchFile;

/// Changes when the tool makes another tree from the same series.
const TREE_FORMAT: &str = "1";

/// The patches for one release line of one crate.
#[derive(Clone, Debug)]
pub struct Series {
    /// The crate's name in the registry.
    pub name: String,
    /// The release that the patches are for.
    pub version: Version,
    /// The release line: the directory's name, such as `1.54`.
    pub line: String,
    /// SHA-256 of the released package, as the registry's index has it.
    pub checksum: String,
    /// The git tree that the release's files make once imported.
    pub tree: String,
    /// What the crate can do on this target with its patches, in a few words.
    pub adds: String,
    /// Where the crate is developed.
    pub upstream: Upstream,
    /// The directory that it stands in.
    pub directory: PathBuf,
    /// The patch files, in order.
    pub patches: Vec<PatchFile>,
    /// What is said of single patches, by their numbers.
    pub notes: BTreeMap<String, Note>,
    /// What the checks of its patches need to know.
    pub lint: Lint,
}

/// What a series says of one of its patches.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// The gaps in the released crates that it closes, `G1` and so on.
    #[serde(default)]
    pub gaps: Vec<String>,
    /// The numbers of earlier patches that it cannot do without, although it
    /// applies without them.
    #[serde(default)]
    pub needs: Vec<String>,
    /// The patch of another release line of the crate that it is, such as
    /// `0.13/0003`; it has no file in this series then.
    #[serde(default, rename = "same-as")]
    pub same_as: Option<String>,
}

/// What `lint` needs to know of a crate.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lint {
    /// Directories in which nothing is public API, whatever says `pub` there.
    #[serde(default)]
    pub internal: Vec<String>,
    /// The features that each step of the series is compiled with.
    #[serde(default)]
    pub features: Vec<String>,
    /// The first patch with which the default features compile for every target;
    /// the steps before it are compiled without them.
    #[serde(default, rename = "default-features-from")]
    pub default_features_from: Option<String>,
    /// Flags for rustc with which the released crate compiles, too.
    #[serde(default)]
    pub rustflags: String,
    /// What the public interface may lose all the same.
    #[serde(default, rename = "api-exception")]
    pub api_exceptions: Vec<ApiException>,
}

/// A part of the public interface that a series takes away on purpose.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiException {
    /// For which target it is gone.
    pub target: ApiTarget,
    /// What is gone, as `lint --api` names it, in which `*` stands for anything.
    #[serde(default)]
    pub lost: Vec<String>,
    /// Why that is meant.
    #[serde(default)]
    pub reason: String,
}

/// For which target a public interface is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub enum ApiTarget {
    /// This machine's.
    #[serde(rename = "native")]
    Native,
    /// Ours.
    #[serde(rename = "wasm32-wasip2")]
    Wasip2,
}

/// Where a crate is developed.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// The address of the repository.
    pub repository: String,
    /// The crate's directory in it; empty for the top.
    pub path: String,
}

/// `series.toml` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeriesFile {
    #[serde(rename = "crate")]
    name: String,
    version: Version,
    checksum: String,
    tree: String,
    adds: String,
    upstream: Upstream,
    #[serde(default)]
    lint: Lint,
    #[serde(default)]
    patch: BTreeMap<String, Note>,
}

impl Series {
    /// Reads every series below `patches`, ordered by crate and release line.
    pub fn all(patches: &Path) -> Result<Vec<Series>> {
        let mut all = Vec::new();
        for krate in subdirectories(patches)? {
            for line in subdirectories(&krate)? {
                all.push(Series::read(&line)?);
            }
        }
        ensure!(
            !all.is_empty(),
            "no series was found in {}; a series is a directory \
             <crate>/<release line> with a series.toml",
            patches.display()
        );
        Ok(all)
    }

    /// Reads the series that stands in `directory`.
    pub fn read(directory: &Path) -> Result<Series> {
        let path = directory.join("series.toml");
        let text = fs::read_to_string(&path)
            .with_context(|| format!("the series file {} could not be read", path.display()))?;
        let file: SeriesFile = toml::from_str(&text)
            .with_context(|| format!("the series file {} is not right", path.display()))?;
        Ok(Series {
            name: file.name,
            version: file.version,
            line: file_name(directory),
            checksum: file.checksum,
            tree: file.tree,
            adds: file.adds,
            upstream: file.upstream,
            directory: directory.to_owned(),
            patches: files::of(directory, &file.patch)?,
            notes: file.patch,
            lint: file.lint,
        })
    }

    /// The release that the patches are for.
    pub fn release(&self) -> Release {
        Release {
            name: self.name.clone(),
            version: self.version.clone(),
            checksum: Some(self.checksum.clone()),
        }
    }

    /// The name of its directories: `tokio-1.54.1`.
    pub fn directory_name(&self) -> String {
        self.release().directory_name()
    }

    /// Whether a program that has `version` locked could as well use this
    /// release: both stand in one semver-compatible range.
    pub fn serves(&self, version: &Version) -> bool {
        self.release().serves(version)
    }

    /// A digest of everything that the patched tree is made from.
    pub fn digest(&self) -> Result<String> {
        let mut digest = Sha256::new();
        digest.update(TREE_FORMAT);
        for part in [
            &self.name,
            &self.version.to_string(),
            &self.checksum,
            &self.tree,
        ] {
            digest.update(part);
            digest.update([0]);
        }
        for patch in &self.patches {
            digest.update(&patch.name);
            digest.update([0]);
            digest.update(fs::read(&patch.path).with_context(|| {
                format!("the patch {} could not be read", patch.path.display())
            })?);
        }
        Ok(hex(&digest.finalize()))
    }
}

impl fmt::Display for Series {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} v{}", self.name, self.version)
    }
}

/// The series whose crates `names` names (`tokio`, `reqwest@0.12`), or all.
pub fn select(all: Vec<Series>, names: &[String]) -> Result<Vec<Series>> {
    if names.is_empty() {
        return Ok(all);
    }
    let known: Vec<String> = all
        .iter()
        .map(|series| format!("{}@{}", series.name, series.line))
        .collect();
    let mut wanted = vec![false; all.len()];
    for name in names {
        let (krate, line) = match name.split_once('@') {
            Some((krate, line)) => (krate, Some(line)),
            None => (name.as_str(), None),
        };
        let mut found = false;
        for (series, wanted) in all.iter().zip(&mut wanted) {
            let line_fits =
                line.is_none_or(|line| line == series.line || line == series.version.to_string());
            if series.name == krate && line_fits {
                found = true;
                *wanted = true;
            }
        }
        if !found {
            bail!(
                "there is no series for `{name}`; there are {}",
                known.join(", ")
            );
        }
    }
    Ok(all
        .into_iter()
        .zip(wanted)
        .filter_map(|(series, wanted)| wanted.then_some(series))
        .collect())
}

/// The one series that `name` names.
pub fn select_one(all: Vec<Series>, name: &str) -> Result<Series> {
    let mut chosen = select(all, &[name.to_owned()])?;
    if chosen.len() > 1 {
        let names: Vec<String> = chosen
            .iter()
            .map(|series| format!("{}@{}", series.name, series.line))
            .collect();
        bail!("`{name}` has several series: say {}", names.join(" or "));
    }
    Ok(chosen.remove(0))
}

/// The last part of a path.
pub fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// The directories in `directory`, in order.
pub fn subdirectories(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut directories: Vec<PathBuf> = entries(directory)?
        .into_iter()
        // A name with a dot is of something unfinished.
        .filter(|path| path.is_dir() && !file_name(path).starts_with('.'))
        .collect();
    directories.sort();
    Ok(directories)
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let read = || -> std::io::Result<Vec<PathBuf>> {
        fs::read_dir(directory)?
            .map(|entry| Ok(entry?.path()))
            .collect()
    };
    read().with_context(|| format!("the directory {} could not be read", directory.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(version: &str) -> Series {
        Series {
            name: "sample".into(),
            version: version.parse().unwrap(),
            line: "1.2".into(),
            checksum: String::new(),
            tree: String::new(),
            adds: String::new(),
            upstream: Upstream {
                repository: String::new(),
                path: String::new(),
            },
            directory: PathBuf::new(),
            patches: Vec::new(),
            notes: BTreeMap::new(),
            lint: Lint::default(),
        }
    }

    #[test]
    fn a_series_serves_its_compatible_range_and_nothing_else() {
        let one = series("1.54.1");
        assert!(one.serves(&"1.0.0".parse().unwrap()));
        assert!(one.serves(&"1.60.0".parse().unwrap()));
        assert!(!one.serves(&"0.3.0".parse().unwrap()));
        assert!(!one.serves(&"2.0.0".parse().unwrap()));
        let zero = series("0.13.5");
        assert!(zero.serves(&"0.13.0".parse().unwrap()));
        assert!(zero.serves(&"0.13.9".parse().unwrap()));
        assert!(!zero.serves(&"0.12.9".parse().unwrap()));
    }

    #[test]
    fn the_readme_shows_the_series() {
        let patches = Path::new(env!("CARGO_MANIFEST_DIR")).join("patches");
        let mut made = String::from(
            "| crate | release | patches | what it adds on `wasm32-wasip2` |\n|---|---|---|---|\n",
        );
        for series in Series::all(&patches).unwrap() {
            made.push_str(&format!(
                "| {} | {} | {} | {} |\n",
                series.name,
                series.version,
                series.patches.len(),
                series.adds
            ));
        }
        crate::readme::shows("series", &made);
    }

    #[test]
    fn an_unknown_crate_is_named_with_what_there_is() {
        let error = select(vec![series("1.2.0")], &["smaple".into()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no series for `smaple`; there are sample@1.2"
        );
    }
}
