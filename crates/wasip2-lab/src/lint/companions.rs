//! What a patch needs of another crate's patches.
//!
//! Whoever has an older release of that crate locked would build a program that
//! compiles and hangs. So the manifest asks for the release that the patches are
//! for, from the patch on that needs them.

use std::collections::BTreeSet;

use wasip2_series::patch::Patch;
use wasip2_series::series::Series;

/// The patches of `series` at fault, by name, and what is wrong.
pub fn faults<'a>(series: &Series, patches: &'a [Patch], all: &[Series]) -> Vec<(&'a str, String)> {
    let mut faults = Vec::new();
    for patch in patches {
        let Some(note) = series.notes.get(&patch.number) else {
            continue;
        };
        for name in &note.needs_crates {
            let releases: Vec<String> = all
                .iter()
                .filter(|other| other.name == *name)
                .map(|other| other.version.to_string())
                .collect();
            let asks = needed(series, &patch.number).iter().any(|number| {
                let patch = patches.iter().find(|patch| patch.number == *number);
                patch.is_some_and(|patch| asks_for(patch, name, &releases))
            });
            if releases.is_empty() {
                faults.push((
                    patch.name.as_str(),
                    format!("it needs patches of {name} (`needs-crates`), which has no series"),
                ));
            } else if !asks {
                faults.push((
                    patch.name.as_str(),
                    format!(
                        "it needs patches of {name} (`needs-crates`), and neither it nor a patch \
                         that it needs has Cargo.toml ask for {name} {}",
                        releases.join(" or ")
                    ),
                ));
            }
        }
    }
    faults
}

/// The patch `number` and all that it needs.
fn needed(series: &Series, number: &str) -> BTreeSet<String> {
    let mut needed = BTreeSet::new();
    let mut unseen = vec![number.to_owned()];
    while let Some(number) = unseen.pop() {
        if needed.contains(&number) {
            continue;
        }
        if let Some(note) = series.notes.get(&number) {
            unseen.extend(note.needs.clone());
        }
        needed.insert(number);
    }
    needed
}

/// Whether `patch` has the manifest ask for one of the releases of `name`.
fn asks_for(patch: &Patch, name: &str, releases: &[String]) -> bool {
    let lines = patch
        .files
        .iter()
        .filter(|file| file.path == "Cargo.toml")
        .flat_map(|file| &file.hunks)
        .flat_map(|hunk| &hunk.lines);
    lines
        .filter_map(|line| line.strip_prefix('+'))
        .filter_map(|line| line.split_once('='))
        .filter(|(key, _)| key.trim() == name)
        .any(|(_, value)| {
            releases
                .iter()
                .any(|release| value.contains(&format!("\"{release}\"")))
        })
}
