//! A series: the ordered patches for one release line of one crate.
//!
//! It stands in `patches/<crate>/<release line>/`: `series.toml` says which
//! release the patches are for, and every `NNNN-what-it-does.patch` beside it
//! belongs to the series, in the order of the numbers, as do those that it
//! takes from another line ([`files`]).

mod definition;
pub mod files;
mod part;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use semver::{Version, VersionReq};
use sha2::{Digest, Sha256};

use definition::SeriesFile;
pub use definition::{ApiException, ApiTarget, Lint, Note, Upstream};
pub use files::PatchFile;
pub use part::{Part, PartArgs};

use crate::release::Release;
use wasip2_ground::files::{file_name, hex, subdirectories};

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
    /// The versions of other release lines that do without: upstream has what
    /// this series adds.
    pub needless: VersionReq,
    /// The directory that it stands in.
    pub directory: PathBuf,
    /// The patch files, in order, as far as they go.
    pub patches: Vec<PatchFile>,
    /// The part of the series that they go to.
    pub last: Part,
    /// What is said of single patches, by their numbers.
    pub notes: BTreeMap<String, Note>,
    /// What the checks of its patches need to know.
    pub lint: Lint,
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
        file.check()
            .with_context(|| format!("the series file {} is not right", path.display()))?;
        Ok(Series {
            name: file.name,
            version: file.version,
            line: file_name(directory),
            checksum: file.checksum,
            tree: file.tree,
            adds: file.adds,
            upstream: file.upstream,
            needless: file.needless,
            directory: directory.to_owned(),
            patches: files::of(directory, &file.patch)?,
            last: Part::Local,
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

    /// The name of its directories: `tokio-1.54.1`, and `tokio-1.54.1-upstreamable`
    /// where it does not go to its end.
    pub fn directory_name(&self) -> String {
        self.release().directory_name() + self.last.ending()
    }

    /// The part that the patch with this number is in; A where the series has no
    /// parts.
    pub fn part(&self, number: &str) -> Part {
        let note = self.notes.get(number);
        note.and_then(|note| note.part).unwrap_or(Part::A)
    }

    /// The series up to the end of `last`. One that has no parts is as it was.
    #[must_use]
    pub fn up_to(mut self, last: Part) -> Series {
        let (kept, left_out): (Vec<_>, Vec<_>) = std::mem::take(&mut self.patches)
            .into_iter()
            .partition(|patch| self.part(patch.number()) <= last);
        for patch in &left_out {
            self.notes.remove(patch.number());
            self.last = last;
        }
        self.patches = kept;
        self
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

/// Each series up to the end of that part of it.
pub fn up_to(all: Vec<Series>, last: Part) -> Vec<Series> {
    all.into_iter().map(|series| series.up_to(last)).collect()
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
                headings: false,
            },
            needless: definition::none(),
            directory: PathBuf::new(),
            patches: Vec::new(),
            last: Part::Local,
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
    fn a_series_goes_up_to_a_part_of_it() {
        let mut whole = series("1.2.0");
        for (number, part) in [
            ("0001", Part::A),
            ("0002", Part::A),
            ("0003", Part::B),
            ("0004", Part::Local),
        ] {
            whole.patches.push(PatchFile {
                name: format!("{number}-do.patch"),
                path: PathBuf::new(),
            });
            let note = Note {
                part: Some(part),
                ..Note::default()
            };
            whole.notes.insert(number.to_owned(), note);
        }
        for (last, patches, name) in [
            (Part::A, 2, "sample-1.2.0-a"),
            (Part::B, 3, "sample-1.2.0-upstreamable"),
            (Part::Local, 4, "sample-1.2.0"),
        ] {
            let part = whole.clone().up_to(last);
            assert_eq!((part.patches.len(), part.notes.len()), (patches, patches));
            assert_eq!(part.directory_name(), name);
            assert_eq!(Part::of_directory(name), last);
        }
    }

    #[test]
    fn a_series_without_parts_is_taken_whole() {
        let mut whole = series("1.2.0");
        whole.patches.push(PatchFile {
            name: "0001-do.patch".into(),
            path: PathBuf::new(),
        });
        let part = whole.up_to(Part::A);
        assert_eq!(part.patches.len(), 1);
        assert_eq!(part.directory_name(), "sample-1.2.0");
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
