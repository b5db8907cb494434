//! Puts the results of several runs together: of the parts that machines did
//! each for itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use super::results::Results;

/// The results of all the files in one.
pub fn merge(files: &[PathBuf]) -> Result<Results> {
    let mut parts = Vec::new();
    for file in files {
        parts.push((file, Results::read(file)?));
    }
    let Some((first, mut whole)) = parts.first().cloned() else {
        bail!("no results are named");
    };
    let mut names: BTreeSet<String> = whole.cells.iter().map(|cell| cell.name()).collect();
    for (file, part) in &parts[1..] {
        for (what, same) in [
            (
                "with other patches or another toolchain",
                part.made_with == whole.made_with,
            ),
            (
                "from another plan",
                part.plan == whole.plan && part.settings == whole.settings,
            ),
            ("with `--quick`, or without", part.quick == whole.quick),
        ] {
            ensure!(
                same,
                "{} was not made like {}, but {what}: only what was made alike can be merged",
                file.display(),
                first.display()
            );
        }
        for cell in &part.cells {
            ensure!(
                names.insert(cell.name()),
                "{} has the cell {}, which another of the files has already: name each part once",
                file.display(),
                cell.name()
            );
        }
        for row in &part.rows {
            if !whole.rows.iter().any(|one| one.name == row.name) {
                whole.rows.push(row.clone());
            }
        }
        whole.cells.extend(part.cells.iter().cloned());
        whole.seconds += part.seconds;
    }
    whole.shard = None;
    whole_or_error(&parts)?;
    order(&mut whole);
    Ok(whole)
}

/// Refuses to call a whole what lacks a part.
fn whole_or_error(parts: &[(&PathBuf, Results)]) -> Result<()> {
    let shards: Vec<&str> = parts
        .iter()
        .filter_map(|(_, part)| part.shard.as_deref())
        .collect();
    let Some(of) = shards.first().and_then(|shard| shard.split_once('/')) else {
        return Ok(());
    };
    let of: usize =
        of.1.parse()
            .context("a part does not say of how many it is one")?;
    let missing: Vec<String> = (1..=of)
        .map(|part| format!("{part}/{of}"))
        .filter(|shard| !shards.contains(&shard.as_str()))
        .collect();
    ensure!(
        missing.is_empty() && shards.len() == parts.len(),
        "these are not all parts of one run: {} missing",
        missing.join(", ")
    );
    Ok(())
}

/// As the plan has the rows and settings.
fn order(results: &mut Results) {
    results.rows.sort_by_key(|row| row.position);
    let positions: BTreeMap<&str, usize> = results
        .rows
        .iter()
        .map(|row| (row.name.as_str(), row.position))
        .collect();
    let settings: Vec<&str> = results
        .settings
        .iter()
        .map(|setting| setting.name.as_str())
        .collect();
    results.cells.sort_by_key(|cell| {
        let setting = settings.iter().position(|name| *name == cell.setting);
        (
            positions.get(cell.row.as_str()).copied(),
            cell.variant,
            setting,
        )
    });
}
