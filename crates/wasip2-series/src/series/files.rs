//! Which files the patches of a series stand in.
//!
//! Most stand beside `series.toml`. Two release lines of one crate can have a
//! patch in common: it is a file of one of them, and the `series.toml` of the
//! other takes it from there.
//!
//! ```toml
//! [patch.0003]
//! same-as = "0.13/0003"
//! ```
//!
//! The number that it has here, and so its place in the series, is the
//! table's. What is taken is always a file: a line does not pass on what it
//! takes itself.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use wasip2_ground::files::{entries, file_name};

use super::definition::{Note, SeriesFile};

/// The file of a patch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PatchFile {
    /// The name that it has in this series: `0003-what-it-does.patch`.
    pub name: String,
    /// Where it stands: in the series' own directory, or in that of the line
    /// that it is taken from.
    pub path: PathBuf,
}

impl PatchFile {
    /// The number that its name begins with.
    pub fn number(&self) -> &str {
        self.name.split('-').next().unwrap_or_default()
    }
}

/// The patch files of the series in `directory`, in order; `notes` say which
/// are taken from other lines.
pub fn of(directory: &Path, notes: &BTreeMap<String, Note>) -> Result<Vec<PatchFile>> {
    let mut files: Vec<PatchFile> = own(directory)?
        .into_iter()
        .map(|path| PatchFile {
            name: file_name(&path),
            path,
        })
        .collect();
    for (number, note) in notes {
        let Some(same_as) = &note.same_as else {
            continue;
        };
        let taken = taken(directory, number, same_as).with_context(|| {
            format!(
                "the patch {number} of the series in {}, which says `same-as = \"{same_as}\"`",
                directory.display()
            )
        })?;
        files.push(taken);
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(files)
}

/// The release line and the number that `same-as` names.
pub fn line_and_number(same_as: &str) -> Option<(&str, &str)> {
    let (line, number) = same_as.split_once('/')?;
    let is_name = !line.is_empty() && !line.starts_with('.') && !line.contains('\\');
    let is_number = number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_name && is_number).then_some((line, number))
}

/// The patch that stands in `directory` as a file with this number.
pub fn numbered(directory: &Path, number: &str) -> Result<Option<PathBuf>> {
    let beginning = format!("{number}-");
    let files = own(directory)?;
    Ok(files
        .into_iter()
        .find(|path| file_name(path).starts_with(&beginning)))
}

fn own(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = entries(directory)?;
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "patch")
    });
    files.sort();
    Ok(files)
}

/// The patch `number` of the series in `directory`, which is `same_as`.
fn taken(directory: &Path, number: &str, same_as: &str) -> Result<PatchFile> {
    let (line, theirs) = line_and_number(same_as).context(
        "that names no patch; write another release line of the crate and the number that the \
         patch has there, such as \"0.13/0003\"",
    )?;
    if let Some(own) = numbered(directory, number)? {
        bail!(
            "the series has a file for it, too; remove the `same-as`, or {}",
            own.display()
        );
    }
    let other = directory.with_file_name(line);
    ensure!(
        other.join("series.toml").is_file(),
        "there is no release line {line}: {} holds no series.toml; name a line that there is, or \
         give this series a file of its own",
        other.display()
    );
    if let Some(path) = numbered(&other, theirs)? {
        let rest = &file_name(&path)[theirs.len()..];
        let name = format!("{number}{rest}");
        return Ok(PatchFile { name, path });
    }
    match taken_there(&other, theirs) {
        Some(further) => bail!(
            "{line} has no file for it either, but takes it from {further}; name a line in which \
             it is a file, or give this series one"
        ),
        None => bail!(
            "{line} has no patch {theirs}; name one of those in {}, or give this series a file of \
             its own",
            other.display()
        ),
    }
}

/// What the series in `directory` says that its patch `number` is the same as.
fn taken_there(directory: &Path, number: &str) -> Option<String> {
    let text = fs::read_to_string(directory.join("series.toml")).ok()?;
    let mut file: SeriesFile = toml::from_str(&text).ok()?;
    file.patch.remove(number)?.same_as
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::series::Series;

    /// A crate with the release lines 1.0 and 2.0: the patches that each has as
    /// files, and what its `series.toml` says of single ones.
    fn lines(old: (&[&str], &str), new: (&[&str], &str)) -> TempDir {
        let krate = TempDir::new().unwrap();
        for (line, (patches, notes)) in [("1.0", old), ("2.0", new)] {
            let directory = krate.path().join(line);
            fs::create_dir(&directory).unwrap();
            for patch in patches {
                fs::write(directory.join(patch), format!("{patch} of {line}")).unwrap();
            }
            let text = format!(
                "crate = \"sample\"\nversion = \"{line}.0\"\nchecksum = \"\"\ntree = \"\"\nadds = \
                 \"\"\nupstream = {{ repository = \"\", path = \"\" }}\n{notes}"
            );
            fs::write(directory.join("series.toml"), text).unwrap();
        }
        krate
    }

    fn read(krate: &TempDir) -> Result<Series> {
        Series::read(&krate.path().join("1.0"))
    }

    /// The whole error that the series 1.0 is read with.
    fn error(old: (&[&str], &str), new: (&[&str], &str)) -> String {
        format!("{:#}", read(&lines(old, new)).unwrap_err())
    }

    #[test]
    fn a_patch_is_taken_from_another_line_and_has_this_lines_number() {
        let taken = "[patch.0002]\nsame-as = \"2.0/0003\"\n";
        let krate = lines(
            (&["0001-own.patch", "0003-last.patch"], taken),
            (&["0003-theirs.patch"], ""),
        );
        let series = read(&krate).unwrap();
        let names: Vec<&str> = series.patches.iter().map(|file| &*file.name).collect();
        assert_eq!(
            names,
            ["0001-own.patch", "0002-theirs.patch", "0003-last.patch"]
        );
        assert_eq!(
            series.patches[1].path,
            krate.path().join("2.0/0003-theirs.patch")
        );

        // What is made of the series depends on the file, wherever it stands.
        let before = series.digest().unwrap();
        fs::write(&series.patches[1].path, "changed").unwrap();
        assert_ne!(series.digest().unwrap(), before);
    }

    #[test]
    fn a_file_of_its_own_with_the_same_text_is_no_other_series() {
        let taken = "[patch.0001]\nsame-as = \"2.0/0001\"\n";
        let krate = lines((&[], taken), (&["0001-one.patch"], ""));
        let series = read(&krate).unwrap();
        let before = series.digest().unwrap();
        let own = krate.path().join("1.0").join(&series.patches[0].name);
        fs::copy(&series.patches[0].path, own).unwrap();
        let file = krate.path().join("1.0/series.toml");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replace(taken, "")).unwrap();
        assert_eq!(read(&krate).unwrap().digest().unwrap(), before);
    }

    #[test]
    fn a_same_as_that_names_nothing_is_an_error() {
        let said = |same_as: &str| {
            let taken = format!("[patch.0001]\nsame-as = \"{same_as}\"\n");
            error((&[], &taken), (&["0001-one.patch"], ""))
        };
        let no_number = said("2.0/0007");
        assert!(
            no_number.contains("the patch 0001 of the series in"),
            "{no_number}"
        );
        assert!(no_number.contains("2.0 has no patch 0007"), "{no_number}");
        assert!(said("3.0/0001").contains("there is no release line 3.0"));
        for malformed in ["", "0001", "2.0", "2.0/1", "2.0/0001-one.patch", "../0001"] {
            let said = said(malformed);
            assert!(said.contains("that names no patch"), "{malformed}: {said}");
        }
    }

    #[test]
    fn both_a_file_and_a_same_as_are_an_error() {
        let taken = "[patch.0001]\nsame-as = \"2.0/0001\"\n";
        let said = error((&["0001-own.patch"], taken), (&["0001-one.patch"], ""));
        assert!(said.contains("has a file for it, too"), "{said}");
        assert!(said.contains("0001-own.patch"), "{said}");
    }

    #[test]
    fn lines_that_take_a_patch_from_each_other_are_an_error() {
        let said = error(
            (&[], "[patch.0001]\nsame-as = \"2.0/0001\"\n"),
            (&[], "[patch.0001]\nsame-as = \"1.0/0001\"\n"),
        );
        assert!(said.contains("takes it from 1.0/0001"), "{said}");
        assert!(said.contains("in which it is a file"), "{said}");

        let itself = error((&[], "[patch.0001]\nsame-as = \"1.0/0001\"\n"), (&[], ""));
        assert!(itself.contains("takes it from 1.0/0001"), "{itself}");
    }
}
