//! A patch that two release lines of a crate have is kept once: one line has
//! the file, and the other takes it from there (`same-as` in `series.toml`).

use wasip2_series::{Patch, Series};

/// A patch of a line, and what is wrong with its being there.
#[derive(Debug)]
pub struct Twice {
    /// Its file's name.
    pub patch: String,
    /// What is wrong.
    pub fault: String,
}

/// The patches of `series` that have a file each although a later line of the
/// crate, of those in `all`, has a file that changes the same.
pub fn faults(series: &Series, patches: &[Patch], all: &[Series]) -> anyhow::Result<Vec<Twice>> {
    let mut found = Vec::new();
    for other in all {
        if other.name != series.name || other.version <= series.version {
            continue;
        }
        let theirs = Patch::all(other)?;
        let theirs: Vec<&Patch> = kept_by(other, &theirs).collect();
        for patch in kept_by(series, patches) {
            let same = theirs.iter().find(|theirs| theirs.changes_as(patch));
            found.extend(same.map(|same| Twice {
                patch: patch.name.clone(),
                fault: fault(patch, other, same),
            }));
        }
    }
    Ok(found)
}

/// The patches whose files stand with the series itself.
fn kept_by<'a>(series: &'a Series, patches: &'a [Patch]) -> impl Iterator<Item = &'a Patch> {
    patches
        .iter()
        .filter(|patch| patch.path.starts_with(&series.directory))
}

fn fault(patch: &Patch, other: &Series, same: &Patch) -> String {
    format!(
        "it changes the same lines as {} of {other}; remove it, say `same-as = \"{}/{}\"` in \
         [patch.{}] of series.toml, and run `cargo wasip2 apply`",
        same.name, other.line, same.number, patch.number
    )
}
