//! Keeps a copy of a directory in step with it.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use walkdir::WalkDir;

use crate::files::write_whole;

/// Copies what differs from `source` to `target`, and removes there what is no
/// longer in `source`. What stands at the top under one of the names `kept` is
/// neither copied nor touched.
pub fn mirror(source: &Path, target: &Path, kept: &[&str]) -> Result<()> {
    let kept = |name: &OsStr| kept.iter().any(|kept| name == *kept);
    for entry in WalkDir::new(source)
        .min_depth(1)
        .into_iter()
        .filter_entry(|entry| !(entry.depth() == 1 && kept(entry.file_name())))
    {
        let entry = entry.with_context(|| format!("{} could not be read", source.display()))?;
        let copy = target.join(entry.path().strip_prefix(source)?);
        if entry.file_type().is_dir() {
            fs::create_dir_all(&copy)?;
            continue;
        }
        let content = fs::read(entry.path())?;
        if fs::read(&copy).is_ok_and(|old| old == content) {
            continue;
        }
        write_whole(&copy, &content)?;
    }
    for entry in WalkDir::new(target)
        .min_depth(1)
        .contents_first(true)
        .into_iter()
        .filter_entry(|entry| !(entry.depth() == 1 && kept(entry.file_name())))
    {
        let entry = entry?;
        let relative = entry.path().strip_prefix(target)?;
        let top = relative.components().next().map(|part| part.as_os_str());
        if top.is_some_and(kept) || source.join(relative).exists() {
            continue;
        }
        if entry.file_type().is_dir() {
            fs::remove_dir(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
