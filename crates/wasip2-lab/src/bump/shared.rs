//! The patches that the series shares with other release lines of its crate.
//!
//! The contract: what a bump does to one line changes nothing of what another
//! line's patched tree holds. A patch stays shared where one file does for
//! both, which is tried: applied to what the line has before that patch, it
//! makes what the line has after it. Else each line has a file of its own from
//! then on, and that is said.
//!
//! While the series is replaced, the lines that take patches from it have
//! these in files of their own, so that an interruption leaves them sound.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use toml_edit::{DocumentMut, Item, TableLike};

use super::notes::{numbers, replace};
use super::scratch::{ALL, Scratch, TREE};
use super::work::{RELEASED, Work};
use wasip2_ground::files::{file_name, subdirectories, write_whole};
use wasip2_ground::mirror::mirror;
use wasip2_ground::{Console, Home, Unfinished};
use wasip2_series::git::read;
use wasip2_series::series::files::{self, PatchFile};
use wasip2_series::{Network, Pristine, Series};

/// Has the series in `new`, where every patch is a file, take from other lines
/// what it took before, as long as that is the same.
pub fn take_again(new: &Path, work: &Work, home: &Home, console: &Console) -> Result<()> {
    let path = new.join("series.toml");
    let mut document = parse(&path)?;
    let taken: Vec<(String, String)> = notes(&mut document)
        .into_iter()
        .flat_map(|notes| notes.iter())
        .filter_map(|(number, note)| {
            let same_as = note.get("same-as")?.as_str()?;
            Some((number.to_owned(), same_as.to_owned()))
        })
        .collect();
    if taken.is_empty() {
        return Ok(());
    }
    let scratch = Scratch::clone_of(&work.repository(), home, console)?;
    let commits = read(
        &work.repository(),
        &["rev-list", "--reverse", &format!("{RELEASED}..HEAD")],
        console,
    )?;
    let mut steps = vec![RELEASED];
    steps.extend(commits.lines());
    for (number, same_as) in taken {
        let own = files::numbered(new, &number)?
            .with_context(|| format!("there is no patch {number} to say something of"))?;
        // The number counts the patches from 1, the steps from the release.
        let place: usize = number.parse()?;
        let step = (steps[place - 1], steps[place]);
        let theirs = match files::line_and_number(&same_as) {
            Some((line, number)) => files::numbered(&new.with_file_name(line), number)?,
            None => None,
        };
        let stays = match theirs {
            Some(theirs) => scratch.makes(&theirs, step, ALL, console)?,
            None => false,
        };
        if stays {
            fs::remove_file(&own)?;
        } else {
            set(&mut document, &number, None);
            console.warn(format!(
                "{} has a file of its own now: {same_as}, which it was taken from, does not make \
                 the same of {} v{}",
                file_name(&own),
                work.state.name,
                work.state.to
            ));
        }
    }
    fs::write(path, document.to_string())?;
    Ok(())
}

/// Another release line, which takes patches from the series.
#[derive(Debug)]
pub struct Taker {
    /// Its series, as it is for the old release.
    series: Series,
    /// What it takes and goes on to take.
    shared: Vec<PatchFile>,
    /// What it has in files of its own from now on.
    own: Vec<PatchFile>,
    /// Its `series.toml` as it is.
    before: String,
    /// Its `series.toml` where nothing is taken.
    detached: String,
    /// Its `series.toml` once the new series is in place, in the line `line`.
    attached: String,
}

/// The lines that take patches from the series, of which `new` is to be in
/// `line`. Nothing is changed.
pub fn takers(
    new: &Path,
    line: &str,
    work: &Work,
    network: Network,
    home: &Home,
    console: &Console,
) -> Result<Vec<Taker>> {
    let state = &work.state;
    let old = file_name(&state.series);
    let parent = state.series.parent().context("a series has a crate")?;
    let numbers = numbers(state);
    let mut takers = Vec::new();
    for directory in subdirectories(parent)? {
        if directory == state.series {
            continue;
        }
        let series = Series::read(&directory)?;
        let taken: BTreeMap<String, Option<String>> = series
            .notes
            .iter()
            .filter_map(|(number, note)| {
                let (from, theirs) = files::line_and_number(note.same_as.as_deref()?)?;
                (from == old).then(|| (number.clone(), numbers.get(theirs).cloned()))
            })
            .collect();
        if taken.is_empty() {
            continue;
        }
        let taker = Taker::plan(series, &taken, new, line, network, home, console);
        takers.push(taker.with_context(|| {
            format!(
                "the series in {} takes patches from this one, and whether it can go on to could \
                 not be found out; nothing is changed so far, and `cargo wasip2 bump --continue` \
                 tries again",
                directory.display()
            )
        })?);
    }
    Ok(takers)
}

impl Taker {
    /// Tries each patch of `taken`, by its number here, as the new series in
    /// `new` has it, by its number there.
    fn plan(
        series: Series,
        taken: &BTreeMap<String, Option<String>>,
        new: &Path,
        line: &str,
        network: Network,
        home: &Home,
        console: &Console,
    ) -> Result<Taker> {
        let pristine = Pristine::get(&series, network, home, console)?;
        let scratch = Scratch::clone_of(&pristine.repository, home, console)?;
        let mut steps = vec![read(&scratch.repository, &["rev-parse", "HEAD"], console)?];
        for patch in &series.patches {
            let made = scratch.apply(&patch.path, &steps[steps.len() - 1], console)?;
            let made = made
                .with_context(|| format!("the patch {} of {series} does not apply", patch.name))?;
            steps.push(made);
        }
        let mut detached = parse(&series.directory.join("series.toml"))?;
        let before = detached.to_string();
        let mut attached = detached.clone();
        let (mut shared, mut own) = (Vec::new(), Vec::new());
        for (file, step) in series.patches.iter().zip(steps.windows(2)) {
            let number = file.name.split('-').next().unwrap_or_default();
            let Some(theirs) = taken.get(number) else {
                continue;
            };
            set(&mut detached, number, None);
            let new_file = match theirs {
                Some(theirs) => files::numbered(new, theirs)?,
                None => None,
            };
            let stays = match &new_file {
                Some(new) => scratch.makes(new, (&step[0], &step[1]), TREE, console)?,
                None => false,
            };
            match theirs {
                Some(theirs) if stays => {
                    set(&mut attached, number, Some(format!("{line}/{theirs}")));
                    shared.push(file.clone());
                }
                _ => {
                    set(&mut attached, number, None);
                    own.push(file.clone());
                }
            }
        }
        Ok(Taker {
            series,
            shared,
            own,
            before,
            detached: detached.to_string(),
            attached: attached.to_string(),
        })
    }

    /// Gives the line all that it takes in files of its own.
    pub fn detach(&self) -> Result<()> {
        change(&self.series.directory, &self.detached, |line| {
            for file in self.shared.iter().chain(&self.own) {
                fs::copy(&file.path, line.join(&file.name))?;
            }
            Ok(())
        })
    }

    /// What has the line take from the new series what it goes on to take, or
    /// from the old one what it took.
    pub fn attachment(&self) -> Attachment {
        let names = |files: &[PatchFile]| files.iter().map(|file| file.name.clone()).collect();
        Attachment {
            line: self.series.directory.clone(),
            before: self.before.clone(),
            after: self.attached.clone(),
            shared: names(&self.shared),
            own: names(&self.own),
        }
    }

    /// Has the line take from the new series what it goes on to take.
    pub fn attach(&self, console: &Console) -> Result<()> {
        self.attachment().make()?;
        for file in &self.shared {
            console.status("Shared", format!("{} of {}", file.name, self.series));
        }
        for file in &self.own {
            console.warn(format!(
                "{} of {} is a file of its own now, as it was: no patch of the new series makes \
                 the same there",
                file.name, self.series
            ));
        }
        Ok(())
    }
}

/// What has a line take patches from the new series, kept for whoever goes on
/// after an interruption.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Attachment {
    /// The line's directory.
    line: PathBuf,
    /// Its `series.toml` as it was.
    before: String,
    /// Its `series.toml` once the new series is in place.
    after: String,
    /// The files that it does without in both cases.
    shared: Vec<String>,
    /// And those that it did without before.
    own: Vec<String>,
}

impl Attachment {
    /// Has the line take what it goes on to take.
    pub fn make(&self) -> Result<()> {
        self.put(&self.after, &self.shared)
    }

    /// Has the line be as it was.
    pub fn undo(&self) -> Result<()> {
        let files: Vec<String> = self.shared.iter().chain(&self.own).cloned().collect();
        self.put(&self.before, &files)
    }

    fn put(&self, series_toml: &str, without: &[String]) -> Result<()> {
        change(&self.line, series_toml, |line| {
            for name in without {
                match fs::remove_file(line.join(name)) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(error);
                    }
                    _ => {}
                }
            }
            Ok(())
        })
    }
}

/// Changes the series in `directory` in one step: its `series.toml`, and its
/// files in a copy of it.
fn change(
    directory: &Path,
    series_toml: &str,
    files: impl FnOnce(&Path) -> std::io::Result<()>,
) -> Result<()> {
    let parent = directory.parent().context("a series has a crate")?;
    let unfinished = Unfinished::new(parent)?;
    let whole = unfinished.whole();
    let make = || -> Result<()> {
        mirror(directory, &whole, &[])?;
        files(&whole)?;
        write_whole(&whole.join("series.toml"), series_toml.as_bytes())
    };
    make().with_context(|| format!("{} could not be changed", directory.display()))?;
    unfinished.put(directory)
}

/// Reads a `series.toml` for a change.
fn parse(path: &Path) -> Result<DocumentMut> {
    fs::read_to_string(path)
        .map_err(anyhow::Error::from)
        .and_then(|text| Ok(text.parse()?))
        .with_context(|| format!("{} could not be read", path.display()))
}

/// What `series.toml` says of single patches.
fn notes(document: &mut DocumentMut) -> Option<&mut dyn TableLike> {
    document.get_mut("patch").and_then(Item::as_table_like_mut)
}

/// Says in `series.toml` what the patch `number` is the same as, or that it is
/// a file of its own.
fn set(document: &mut DocumentMut, number: &str, same_as: Option<String>) {
    let Some(notes) = notes(document) else {
        return;
    };
    let Some(note) = notes.get_mut(number).and_then(Item::as_table_like_mut) else {
        return;
    };
    match same_as {
        Some(same_as) => replace(note, "same-as", same_as),
        None => {
            note.remove("same-as");
            if note.is_empty() {
                notes.remove(number);
            }
        }
    }
}
