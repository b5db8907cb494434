//! From the commits on the new release back to a series.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use semver::Version;
use toml_edit::{DocumentMut, Item, Table};

use super::notes::{numbers, replace};
use super::shared;
use super::work::{Kind, RELEASED, State, Work};
use wasip2_ground::files::file_name;
use wasip2_ground::{Console, Home, Unfinished};
use wasip2_series::git::{apply, git, read};
use wasip2_series::{Network, Series};

/// The release line that `to` belongs to: `1.54`, `0.13`. A series whose
/// directory has a name of another kind keeps it.
pub fn line(series: &Series, to: &Version) -> String {
    if series.line == line_of(&series.version) {
        line_of(to)
    } else {
        series.line.clone()
    }
}

fn line_of(version: &Version) -> String {
    format!("{}.{}", version.major, version.minor)
}

/// Writes the series for the new release, checks that it makes what was
/// resolved, and puts it in the old one's place.
pub fn finish(work: &Work, network: Network, home: &Home, console: &Console) -> Result<()> {
    work.refuse_changed_series()?;
    // Beside the old one, as a rename needs; a name that begins with a dot is not a series'.
    let new = beside(&work.state, "next");
    remove(&new)?;
    let written = write(&new, work, home, console).and_then(|()| {
        let line = line(&Series::read(&work.state.series)?, &work.state.to);
        let takers = shared::takers(&new, &line, work, network, home, console)?;
        let attachments = takers.iter().map(shared::Taker::attachment).collect();
        work.keep_attachments(attachments)?;
        takers.iter().try_for_each(shared::Taker::detach)?;
        put_in_place(&new, &work.state, console)?;
        takers.iter().try_for_each(|taker| taker.attach(console))
    });
    if written.is_err() {
        let _ = recover(work);
    }
    written
}

/// Writes the series to `new`.
fn write(new: &Path, work: &Work, home: &Home, console: &Console) -> Result<()> {
    let state = &work.state;
    let old = Series::read(&state.series)?;
    copy_other_files(&state.series, new)?;
    git(
        &work.repository(),
        [
            "format-patch",
            "--quiet",
            "-U1",
            "--zero-commit",
            "--no-signature",
            "--no-numbered",
            "--output-directory",
        ],
    )
    .arg(new)
    .arg(format!("{RELEASED}..HEAD"))
    .read(console)?;
    fs::write(new.join("series.toml"), series_toml(state, &old)?)?;
    shared::take_again(new, work, home, console)?;
    verify(new, work, home, console)
}

/// Has the new series take the old one's place.
fn put_in_place(new: &Path, state: &State, console: &Console) -> Result<()> {
    let old = Series::read(&state.series)?;
    let target = state.series.with_file_name(line(&old, &state.to));
    let aside = beside(state, "previous");
    fs::rename(&state.series, &aside)
        .with_context(|| format!("{} could not be set aside", state.series.display()))?;
    if let Err(error) = fs::rename(new, &target) {
        fs::rename(&aside, &state.series)?;
        return Err(error).with_context(|| format!("{} could not be written", target.display()));
    }
    discard(&aside)?;
    console.status("Wrote", target.display());
    if state
        .outcomes
        .iter()
        .all(|one| one.outcome == Kind::Upstream)
    {
        console.warn(format!(
            "every patch is upstream: {} can be removed",
            target.display()
        ));
    }
    Ok(())
}

/// A directory beside the series, for a series on its way.
fn beside(state: &State, what: &str) -> PathBuf {
    let name = format!(".{what}-{}", file_name(&state.series));
    state.series.with_file_name(name)
}

fn remove(directory: &Path) -> Result<()> {
    if !directory.exists() {
        return Ok(());
    }
    fs::remove_dir_all(directory)
        .with_context(|| format!("{} could not be removed", directory.display()))
}

/// Removes a directory, of which nothing is left under its name if that is
/// broken off.
fn discard(directory: &Path) -> Result<()> {
    let parent = directory.parent().context("it is in no directory")?;
    let gone = Unfinished::new(parent)?;
    fs::rename(directory, gone.scratch("gone"))
        .with_context(|| format!("{} could not be removed", directory.display()))
}

/// Puts right what an interruption of [`finish`] left; gives back whether the
/// new series is in place.
pub fn recover(work: &Work) -> Result<bool> {
    let in_place = put_right(&work.state)?;
    for attachment in work.attachments()? {
        match in_place {
            true => attachment.make()?,
            false => attachment.undo()?,
        }
    }
    work.keep_attachments(Vec::new())?;
    Ok(in_place)
}

/// The same for the series itself.
fn put_right(state: &State) -> Result<bool> {
    remove(&beside(state, "next"))?;
    let aside = beside(state, "previous");
    if !aside.exists() {
        // The new one may have a line of another name.
        return Ok(!state.series.exists() || Series::read(&state.series)?.version == state.to);
    }
    let old = Series::read(&aside)?;
    let of_directory = Series {
        line: file_name(&state.series),
        ..old
    };
    let target = state.series.with_file_name(line(&of_directory, &state.to));
    if target.exists() {
        discard(&aside)?;
        return Ok(true);
    }
    fs::rename(&aside, &state.series)
        .with_context(|| format!("{} could not be put back", state.series.display()))?;
    Ok(false)
}

/// What stands in a series' directory beside patches and `series.toml`.
fn copy_other_files(old: &Path, new: &Path) -> Result<()> {
    fs::create_dir(new)?;
    for entry in fs::read_dir(old)? {
        let path = entry?.path();
        let name = file_name(&path);
        if path.is_file() && !name.ends_with(".patch") && name != "series.toml" {
            fs::copy(&path, new.join(name))?;
        }
    }
    Ok(())
}

/// The old `series.toml`, for the new release; what it says of single patches
/// follows their new numbers.
fn series_toml(state: &State, old: &Series) -> Result<String> {
    let path = state.series.join("series.toml");
    let text = fs::read_to_string(&path)
        .with_context(|| format!("{} could not be read", path.display()))?;
    let (before, after) = (&old.line, line(old, &state.to));
    let text = text.replacen(
        &format!("{} {before} release line", state.name),
        &format!("{} {after} release line", state.name),
        1,
    );
    let mut document: DocumentMut = text
        .parse()
        .with_context(|| format!("{} is not valid TOML", path.display()))?;
    for (key, new) in [
        ("version", state.to.to_string()),
        ("checksum", state.checksum.clone()),
        ("tree", state.tree.clone()),
    ] {
        replace(document.as_table_mut(), key, new);
    }
    if let Some(notes) = document.get_mut("patch").and_then(Item::as_table_mut) {
        renumber(notes, &numbers(state));
    }
    Ok(document.to_string())
}

fn renumber(notes: &mut Table, numbers: &BTreeMap<String, String>) {
    let keys: Vec<String> = notes.iter().map(|(key, _)| key.to_owned()).collect();
    let mut kept = Vec::new();
    for key in keys {
        let Some((_, mut note)) = notes.remove_entry(&key) else {
            continue;
        };
        let Some(number) = numbers.get(&key) else {
            continue;
        };
        if let Some(needs) = note.get_mut("needs").and_then(Item::as_array_mut) {
            let left: Vec<&String> = needs
                .iter()
                .filter_map(|need| numbers.get(need.as_str()?))
                .collect();
            *needs = left.into_iter().collect();
        }
        kept.push((number.clone(), note));
    }
    for (number, note) in kept {
        notes.insert(&number, note);
    }
}

/// Applies the new series to the new release, as `apply` will.
fn verify(new: &Path, work: &Work, home: &Home, console: &Console) -> Result<()> {
    let series = Series::read(new)?;
    let scratch = Unfinished::new(&home.directory("bump")?)?;
    let copy = scratch.whole();
    git(&copy, ["clone", "--quiet", "--no-checkout"])
        .arg(work.repository())
        .arg(&copy)
        .read(console)?;
    read(
        &copy,
        &["checkout", "--quiet", "--detach", RELEASED],
        console,
    )?;
    let release = read(&copy, &["rev-parse", "HEAD^{tree}"], console)?;
    ensure!(
        release == series.tree,
        "the new release's tree is {release}, not {}",
        series.tree
    );
    for patch in &series.patches {
        if let Some(said) = apply(&copy, &patch.path, console)? {
            bail!("{}, as exported, does not apply{said}", patch.name);
        }
    }
    let made = read(&copy, &["rev-parse", "HEAD^{tree}"], console)?;
    let wanted = read(&work.repository(), &["rev-parse", "HEAD^{tree}"], console)?;
    ensure!(
        made == wanted,
        "the exported patches make another tree than what was resolved: one line of context fits \
         in several places; see `git diff {wanted} {made}` in {}",
        work.repository().display()
    );
    Ok(())
}
