//! The survey's results as Markdown.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::found::{Found, Outcome};
use super::list::{Entry, List};
use crate::matrix::cell::Variant;
use crate::page::markdown::plain;

/// How many build, and what stops the rest.
pub fn summary(list: &List, found: &[Found]) -> String {
    let mut text = String::new();
    for (kind, program) in [("crates", false), ("programs", true)] {
        for variant in [Variant::Upstream, Variant::Patched] {
            let results = of(list, found, program, variant);
            let tried = results
                .iter()
                .filter(|found| found.outcome != Outcome::DoesNotResolve);
            let tried = tried.count();
            if tried == 0 {
                continue;
            }
            let built = results
                .iter()
                .filter(|found| found.outcome == Outcome::Builds);
            let built = built.count();
            let percent = 100 * built / tried;
            let _ = writeln!(
                text,
                "- {kind}, {variant}: {built} of {tried} build ({percent} %)"
            );
        }
    }
    text
}

/// The whole page.
pub fn markdown(list: &List, found: &[Found]) -> String {
    let mut text = format!(
        "# What people use, and whether it builds\n\n{}\n\n{}\n",
        list.chosen.trim(),
        summary(list, found)
    );
    text.push_str(
        "## What stops them\n\n| crate | stops | of them named by `doctor` |\n|---|---|---|\n",
    );
    for (krate, stopped, named) in at_fault(found) {
        let (krate, stopped) = (plain(&krate), plain(&stopped.join(", ")));
        let _ = writeln!(text, "| {krate} | {stopped} | {named} |");
    }
    text.push_str("\n## One by one\n\n| | release | released | patched | first error |\n|---|---|---|---|---|\n");
    for entry in &list.entries {
        let one = |variant| {
            found
                .iter()
                .find(|found| is_of(found, entry) && found.variant == variant)
        };
        let (upstream, patched) = (one(Variant::Upstream), one(Variant::Patched));
        let Some(version) = patched.or(upstream).map(|found| found.version.as_deref()) else {
            continue;
        };
        let outcome = |found: Option<&Found>| {
            found.map_or_else(
                || "not checked".to_owned(),
                |found| found.outcome.to_string(),
            )
        };
        let error = patched.and_then(|found| found.error.as_deref());
        let error: String = error.unwrap_or_default().chars().take(160).collect();
        let error = plain(&error);
        let features = match entry.features.is_empty() {
            true => String::new(),
            false => plain(&format!(" ({})", entry.features.join(", "))),
        };
        let _ = writeln!(
            text,
            "| {}{features} | {} | {} | {} | {error} |",
            plain(&entry.name),
            plain(version.unwrap_or_default()),
            outcome(upstream),
            outcome(patched),
        );
    }
    text
}

/// The crates at fault on the patched crates, those first that stop most: the
/// entries, and how many of them `doctor` had warned of.
fn at_fault(found: &[Found]) -> Vec<(String, Vec<&str>, usize)> {
    let mut faults: BTreeMap<&str, (Vec<&str>, usize)> = BTreeMap::new();
    for found in found
        .iter()
        .filter(|found| found.variant == Variant::Patched)
    {
        for package in &found.at_fault {
            let krate = package.split(' ').next().unwrap_or(package);
            let (stopped, named) = faults.entry(krate).or_default();
            stopped.push(&found.name);
            *named += usize::from(found.named.contains(package));
        }
    }
    let mut faults: Vec<_> = faults
        .into_iter()
        .map(|(krate, (stopped, named))| (krate.to_owned(), stopped, named))
        .collect();
    faults.sort_by_key(|(_, stopped, _)| std::cmp::Reverse(stopped.len()));
    faults
}

fn of<'a>(list: &List, found: &'a [Found], program: bool, variant: Variant) -> Vec<&'a Found> {
    let entries = list.entries.iter().filter(|entry| entry.program == program);
    entries
        .filter_map(|entry| {
            found
                .iter()
                .find(|found| is_of(found, entry) && found.variant == variant)
        })
        .collect()
}

fn is_of(found: &Found, entry: &Entry) -> bool {
    found.name == entry.name
}
