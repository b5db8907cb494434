//! The text of a pull request, from the messages of its patches.
//!
//! A message is written to be read upstream, in this order: what is wrong,
//! what is done about it, how it was tested, what is left for later. So its first
//! paragraph is the motivation, those from one that begins with `Tested` are the
//! tests, one that begins with `Left for later:` is future work, and what stands
//! between is the solution. Where upstream has no headings for these, they stand
//! one after the other.

use std::fmt::Write;

use super::repository::Branch;
use super::split;
use wasip2_series::{Patch, Series};

/// What begins the paragraph about what a patch leaves to another.
const LATER: &str = "Left for later: ";

/// The text for `branch`.
pub fn text(branch: &Branch, series: &Series, patches: &[Patch]) -> String {
    let own: Vec<&Patch> = patches
        .iter()
        .filter(|patch| branch.patches.contains(&patch.number))
        .collect();
    let mut text = String::new();
    if let [patch] = own.as_slice() {
        let _ = writeln!(text, "# {}\n", patch.subject);
        body(&mut text, patch, series, "##");
    } else {
        let _ = writeln!(text, "# Support WASI 0.2\n");
        let _ = writeln!(text, "{} commits, to be read one by one:\n", own.len());
        for patch in &own {
            let _ = writeln!(text, "- {}", patch.subject);
        }
        for patch in &own {
            let _ = writeln!(text, "\n## {}\n", patch.subject);
            body(&mut text, patch, series, "###");
        }
    }
    links(&mut text, branch, series, patches, &own);
    text
}

/// What is said of one patch.
fn body(text: &mut String, patch: &Patch, series: &Series, level: &str) {
    let note = series.notes.get(&patch.number);
    let question = note.and_then(|note| note.question.as_deref());
    match series.upstream.headings {
        true => sections(text, patch, question, level),
        false => prose(text, patch, question),
    }
}

/// Under headings: motivation, solution, tests, what is left for later, and what
/// maintainers have to answer first.
fn sections(text: &mut String, patch: &Patch, question: Option<&str>, level: &str) {
    let (message, testing, later) = parts(patch);
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
    if let Some(later) = later {
        section(text, level, "Future Work", &[capitalised(later)]);
    }
    if let Some(question) = question {
        section(text, level, "Question", &[question.to_owned()]);
    }
}

/// The same without headings.
fn prose(text: &mut String, patch: &Patch, question: Option<&str>) {
    let (message, testing, later) = parts(patch);
    for paragraph in message.iter().chain(testing) {
        let _ = writeln!(text, "{}\n", unwrapped(paragraph));
    }
    let tests = tests(patch);
    if !tests.is_empty() {
        let _ = writeln!(text, "New tests: {}.\n", tests.join(", "));
    }
    if let Some(later) = later {
        let _ = writeln!(text, "{LATER}{}\n", unwrapped(later));
    }
    if let Some(question) = question {
        let _ = writeln!(text, "A question first: {question}\n");
    }
}

/// A patch's message: what is wrong and what is done about it, how it was tested,
/// and what it leaves to another.
fn parts(patch: &Patch) -> (&[String], &[String], Option<&str>) {
    let paragraphs = &patch.paragraphs;
    let until = |start: &str| {
        let found = paragraphs.iter().position(|text| text.starts_with(start));
        found.unwrap_or(paragraphs.len())
    };
    let later = until(LATER);
    let tested = until("Tested").min(later);
    (
        &paragraphs[..tested],
        &paragraphs[tested..later],
        paragraphs
            .get(later)
            .and_then(|text| text.strip_prefix(LATER)),
    )
}

fn capitalised(sentence: &str) -> String {
    let mut characters = sentence.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
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
fn links(text: &mut String, branch: &Branch, series: &Series, all: &[Patch], own: &[&Patch]) {
    let _ = writeln!(text, "---\n\nMade for {} {}.", series.name, series.version);
    if !branch.depends.is_empty() {
        let subjects: Vec<String> = all
            .iter()
            .filter(|patch| branch.depends.contains(&split::name(patch)))
            .map(|patch| format!("\"{}\"", patch.subject))
            .collect();
        let _ = writeln!(
            text,
            "Depends on {}, whose commits come first in this branch.",
            subjects.join(" and ")
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
                .replace(
                    "Add one.",
                    "Add one.\n\nTested in Wasmtime.\n\nLeft for later: four.",
                )
                .replace("+3\n", "+#[tokio::test]\n+async fn three() {}\n")
                .replace("-1,3 +1,4", "-1,3 +1,5"),
        );
        let mut text = String::new();
        sections(&mut text, &patch, Some("Are three too many?"), "##");
        assert_eq!(
            text,
            "## Motivation\n\nOne is too few, so there are two.\n\n## Solution\n\nAdd one.\n\n## \
             Testing\n\nTested in Wasmtime.\n\nNew tests: `three`.\n\n## Future \
             Work\n\nFour.\n\n## Question\n\nAre three too many?\n\n"
        );
        let mut text = String::new();
        prose(&mut text, &patch, None);
        assert_eq!(
            text,
            "One is too few, so there are two.\n\nAdd one.\n\nTested in Wasmtime.\n\nNew tests: \
             `three`.\n\nLeft for later: four.\n\n"
        );
    }
}
