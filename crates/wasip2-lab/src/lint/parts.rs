//! Whether the parts of a series are what they say.
//!
//! Who reads part A finds nothing there to decide, and little to read; who takes
//! a part takes no hole with it.

use wasip2_series::series::Part;
use wasip2_series::{Patch, Series};

/// A patch of part A adds fewer lines than this to existing files, tests aside.
const MOST_ADDED: usize = 150;

/// The patches of `series` at fault, by name, and what is wrong.
pub fn faults<'a>(series: &Series, patches: &'a [Patch]) -> Vec<(&'a str, String)> {
    let part = |patch: &Patch| series.notes.get(&patch.number).and_then(|note| note.part);
    if patches.iter().all(|patch| part(patch).is_none()) {
        return Vec::new();
    }
    let mut faults = Vec::new();
    let mut before = Part::A;
    for patch in patches {
        let mut blame = |fault: String| faults.push((patch.name.as_str(), fault));
        let Some(part) = part(patch) else {
            blame("series.toml says of other patches in which `part` they are, not of it".into());
            continue;
        };
        if part < before {
            blame(format!(
                "it is in part {part} and comes after one of part {before}"
            ));
        }
        before = before.max(part);
        let note = &series.notes[&patch.number];
        let asks = note
            .question
            .as_deref()
            .is_some_and(|text| text.trim().ends_with('?'));
        match part {
            Part::B if !asks => blame(
                "it is in part B, and series.toml has no `question` that maintainers have to \
                 answer first"
                    .into(),
            ),
            Part::A | Part::Local if note.question.is_some() => blame(format!(
                "it has a `question`, and is in part {part}: what is asked is in part B"
            )),
            _ => {}
        }
        let inappropriate = patch
            .trailer("Upstream-Status")
            .any(|status| status.starts_with("Inappropriate"));
        if inappropriate != (part == Part::Local) {
            blame(format!(
                "it is in part {part}, and patches that are kept for users alone, those of part \
                 local, have `Upstream-Status: Inappropriate` and no other does"
            ));
        }
        let added = patch.added_to_existing();
        if part == Part::A && added >= MOST_ADDED {
            blame(format!(
                "it adds {added} lines to existing files, which is too much for part A: fewer \
                 than {MOST_ADDED}"
            ));
        }
        for number in &note.needs {
            if series.part(number) > part {
                blame(format!(
                    "it needs {number}, which is in part {}, and is in part {part} itself",
                    series.part(number)
                ));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// A series of the repository whose parts were changed.
    fn changed(change: impl FnOnce(&mut Series)) -> Vec<String> {
        let directory = crate::readme::repository().join(Path::new("patches/mio/1.2"));
        let mut series = Series::read(&directory).unwrap();
        change(&mut series);
        let patches = Patch::all(&series).unwrap();
        let faults = faults(&series, &patches);
        faults.into_iter().map(|(_, fault)| fault).collect()
    }

    #[test]
    fn parts_that_are_what_they_say_have_no_fault() {
        assert_eq!(changed(|_| {}), Vec::<String>::new());
        // Nor has a series without any.
        let none = changed(|series| series.notes.clear());
        assert_eq!(none, Vec::<String>::new());
    }

    #[test]
    fn each_way_to_be_wrong_is_named() {
        let change = |number: &str, change: fn(&mut wasip2_series::series::Note)| {
            changed(|series| change(series.notes.get_mut(number).unwrap()))
        };
        for (faults, said) in [
            (change("0001", |note| note.part = None), "not of it"),
            (
                change("0002", |note| note.part = Some(Part::Local)),
                "comes after",
            ),
            (change("0007", |note| note.question = None), "no `question`"),
            (
                change("0001", |note| note.question = Some("Why?".into())),
                "has a `question`",
            ),
            (
                change("0017", |note| note.part = Some(Part::B)),
                "Inappropriate",
            ),
            (
                change("0015", |note| note.part = Some(Part::A)),
                "too much for part A",
            ),
            (
                change("0004", |note| note.needs.push("0009".into())),
                "it needs 0009, which is in part B",
            ),
        ] {
            assert!(
                faults.iter().any(|fault| fault.contains(said)),
                "{said}: {faults:?}"
            );
        }
    }
}
