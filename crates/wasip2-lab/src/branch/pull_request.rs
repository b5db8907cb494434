//! The text of a pull request, from the messages of its patches.
//!
//! A message is written to be read upstream, in this order: what is wrong,
//! what is done about it, how it was tested. So its first paragraph is the
//! motivation, those from one that begins with `Tested` are the tests, and
//! what stands between is the solution.

use std::fmt::Write;

use super::repository::Branch;
use wasip2_series::{Patch, Series};

/// The text for `branch`.
pub fn text(branch: &Branch, series: &Series, patches: &[Patch]) -> String {
    let own: Vec<&Patch> = patches
        .iter()
        .filter(|patch| branch.patches.contains(&patch.number))
        .collect();
    let mut text = String::new();
    if let [patch] = own.as_slice() {
        let _ = writeln!(text, "# {}\n", patch.subject);
        sections(&mut text, patch, "##");
        question(&mut text, patch, series, "##");
    } else {
        let _ = writeln!(text, "# Support WASI 0.2\n");
        let _ = writeln!(text, "{} commits, to be read one by one:\n", own.len());
        for patch in &own {
            let _ = writeln!(text, "- {}", patch.subject);
        }
        for patch in &own {
            let _ = writeln!(text, "\n## {}\n", patch.subject);
            sections(&mut text, patch, "###");
            question(&mut text, patch, series, "###");
        }
    }
    links(&mut text, branch, series, &own);
    text
}

/// Motivation, solution and tests of one patch.
fn sections(text: &mut String, patch: &Patch, level: &str) {
    let tested = patch
        .paragraphs
        .iter()
        .position(|paragraph| paragraph.starts_with("Tested"))
        .unwrap_or(patch.paragraphs.len());
    let (message, testing) = patch.paragraphs.split_at(tested);
    let (motivation, solution) = message.split_at(message.len().min(1));
    section(text, level, "Motivation", motivation);
    section(text, level, "Solution", solution);
    section(text, level, "Testing", testing);
    let tests = tests(patch);
    if !tests.is_empty() {
        if testing.is_empty() {
            let _ = writeln!(text, "{level} Testing\n");
        }
        let _ = writeln!(text, "New tests: {}.\n", tests.join(", "));
    }
}

/// What maintainers have to answer first, where there is such a thing.
fn question(text: &mut String, patch: &Patch, series: &Series, level: &str) {
    let note = series.notes.get(&patch.number);
    if let Some(question) = note.and_then(|note| note.question.clone()) {
        section(text, level, "Question", &[question]);
    }
}

fn section(text: &mut String, level: &str, title: &str, paragraphs: &[String]) {
    if paragraphs.is_empty() {
        return;
    }
    let _ = writeln!(text, "{level} {title}\n");
    for paragraph in paragraphs {
        let _ = writeln!(text, "{}\n", unwrapped(paragraph));
    }
}

/// A paragraph in one line, as the web's forms keep line ends; a list or
/// indented text stays as it is.
fn unwrapped(paragraph: &str) -> String {
    let shaped = |line: &str| line.starts_with([' ', '-', '*', '|']);
    if paragraph.lines().any(shaped) {
        return paragraph.to_owned();
    }
    paragraph.lines().collect::<Vec<_>>().join(" ")
}

/// The names of the tests that the patch adds.
fn tests(patch: &Patch) -> Vec<String> {
    let mut names = Vec::new();
    for hunk in patch.files.iter().flat_map(|file| &file.hunks) {
        let mut attribute = false;
        for line in &hunk.lines {
            let Some(line) = line.strip_prefix('+').map(str::trim) else {
                attribute = false;
                continue;
            };
            let name = line
                .strip_prefix("async fn ")
                .or_else(|| line.strip_prefix("fn "))
                .and_then(|rest| rest.split(['(', '<']).next());
            if line.starts_with("#[") {
                attribute |= line.ends_with("test]") || line.contains("::test(");
            } else if let Some(name) = name {
                if attribute {
                    names.push(format!("`{name}`"));
                }
                attribute = false;
            }
        }
    }
    names
}

/// What the branch is for, stands on, and refers to.
fn links(text: &mut String, branch: &Branch, series: &Series, own: &[&Patch]) {
    let _ = writeln!(
        text,
        "---\n\nFor {} {} ({}).",
        series.name, series.version, series.upstream.repository
    );
    if !branch.depends.is_empty() {
        let _ = writeln!(
            text,
            "Depends on {}, whose commits come first in this branch.",
            branch.depends.join(" and ")
        );
    }
    for key in ["Fixes", "Upstream-Issue", "Refs"] {
        for issue in own.iter().flat_map(|patch| patch.trailer(key)) {
            let word = if key == "Fixes" { "Fixes" } else { "Refs" };
            let _ = writeln!(text, "{word}: {issue}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasip2_series::patch::{Patch, parse};

    const TEXT: &str = include_str!("../../../wasip2-series/src/sample.patch");

    fn patch(text: &str) -> Patch {
        parse(text).unwrap()
    }

    #[test]
    fn a_message_is_taken_apart_into_sections() {
        let patch = patch(
            &TEXT
                .replace("Add one.", "Add one.\n\nTested in Wasmtime.")
                .replace("+3\n", "+#[tokio::test]\n+async fn three() {}\n")
                .replace("-1,3 +1,4", "-1,3 +1,5"),
        );
        let mut text = String::new();
        sections(&mut text, &patch, "##");
        assert_eq!(
            text,
            "## Motivation\n\nOne is too few, so there are two.\n\n## Solution\n\nAdd one.\n\n## \
             Testing\n\nTested in Wasmtime.\n\nNew tests: `three`.\n\n"
        );
    }
}
