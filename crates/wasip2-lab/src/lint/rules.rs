//! What a single patch must keep to, as far as its file shows.

use std::fs;

use super::size::MOST_ADDED;
use wasip2_series::Patch;
use wasip2_series::patch::{FileChange, Hunk};
use wasip2_series::series::Lint;

/// Git and the web show a longer subject cut off.
const LONGEST_SUBJECT: usize = 72;
/// The trailers that a patch may have.
const TRAILERS: [&str; 6] = [
    "Upstream-Status",
    "Upstream-Issue",
    "Refs",
    "Fixes",
    "Size-Reason",
    "Co-authored-by",
];
/// Those whose value is an address.
const ADDRESSES: [&str; 3] = ["Upstream-Issue", "Refs", "Fixes"];
/// Items that are public API where they say `pub`.
const ITEMS: [&str; 9] = [
    "fn", "struct", "enum", "trait", "const", "static", "type", "union", "mod",
];

/// Everything that is wrong with `patch`.
pub fn faults(patch: &Patch, lint: &Lint) -> Vec<String> {
    let mut faults = Vec::new();
    message(patch, &mut faults);
    trailers(patch, &mut faults);
    let added = patch.added_to_existing();
    if added > MOST_ADDED && patch.trailer("Size-Reason").next().is_none() {
        faults.push(format!(
            "it adds {added} lines to existing files, more than {MOST_ADDED}, and no trailer \
             `Size-Reason:` says why"
        ));
    }
    if fs::read(&patch.path).is_ok_and(|text| text.contains(&b'\r')) {
        faults.push("it has carriage returns".to_owned());
    }
    for file in &patch.files {
        for hunk in &file.hunks {
            context(hunk, &mut faults);
            whitespace(hunk, &mut faults);
            environment(hunk, &mut faults);
            if !file.is_test() && !is_internal(file, lint) {
                documentation(file, hunk, &mut faults);
            }
        }
    }
    faults
}

fn message(patch: &Patch, faults: &mut Vec<String>) {
    let length = patch.subject.chars().count();
    if length > LONGEST_SUBJECT {
        faults.push(format!(
            "its subject has {length} characters, more than {LONGEST_SUBJECT}"
        ));
    }
    if patch.subject.ends_with('.') {
        faults.push("its subject ends with a full stop".to_owned());
    }
    if patch.paragraphs.is_empty() {
        faults.push("its message has no body that says why".to_owned());
    }
    for line in patch.paragraphs.iter().flat_map(|text| text.lines()) {
        // An address cannot be broken.
        if line.chars().count() > 80 && !line.contains("://") {
            faults.push(format!(
                "its message has a line of more than 80 characters: `{line}`"
            ));
        }
    }
}

fn trailers(patch: &Patch, faults: &mut Vec<String>) {
    for (key, value) in &patch.trailers {
        if !TRAILERS.contains(&key.as_str()) {
            faults.push(format!(
                "its trailer `{key}` is not one of {}",
                TRAILERS.join(", ")
            ));
        }
        if ADDRESSES.contains(&key.as_str()) && !is_address(value) {
            faults.push(format!(
                "its trailer `{key}: {value}` is not an https address"
            ));
        }
    }
    let statuses: Vec<&str> = patch.trailer("Upstream-Status").collect();
    match statuses.as_slice() {
        [status] if is_status(status) => {}
        [status] => faults.push(format!(
            "`Upstream-Status: {status}` is not one of `Pending`, `Submitted <url>` and \
             `Inappropriate <reason>`"
        )),
        [] => faults.push("it has no trailer `Upstream-Status:`".to_owned()),
        _ => faults.push("it has several trailers `Upstream-Status:`".to_owned()),
    }
}

fn is_status(status: &str) -> bool {
    match status.split_once(' ') {
        None => status == "Pending",
        Some(("Submitted", url)) => is_address(url),
        Some(("Inappropriate", reason)) => !reason.trim().is_empty(),
        Some(_) => false,
    }
}

fn is_address(value: &str) -> bool {
    value
        .strip_prefix("https://")
        .is_some_and(|rest| rest.contains('.') && !rest.contains(char::is_whitespace))
}

/// More than one line of context would be upstream's source, and would have
/// the patch depend on it.
fn context(hunk: &Hunk, faults: &mut Vec<String>) {
    // Two changes may share the lines between them.
    let mut run = 0;
    let last = hunk.lines.len().saturating_sub(1);
    let mut most: usize = 0;
    for (index, line) in hunk.lines.iter().enumerate() {
        run = if is_context(line) { run + 1 } else { 0 };
        let at_an_end = run == index + 1 || index == last;
        most = most.max(if at_an_end {
            run
        } else {
            run.saturating_sub(1)
        });
    }
    if most > 1 {
        faults.push(format!(
            "the hunk at line {} has more than one line of context; use `git format-patch -U1`",
            hunk.at
        ));
    }
}

fn is_context(line: &str) -> bool {
    line.is_empty() || line.starts_with(' ')
}

fn whitespace(hunk: &Hunk, faults: &mut Vec<String>) {
    for (index, line) in hunk.lines.iter().enumerate() {
        if line.starts_with('+') && line.len() > 1 && line.ends_with([' ', '\t']) {
            faults.push(format!(
                "line {} adds trailing whitespace",
                hunk.at + 1 + index
            ));
        }
    }
}

/// What is not 0.1 may be 0.3 as well, where most of what the patches stand on
/// is another thing.
fn environment(hunk: &Hunk, faults: &mut Vec<String>) {
    const NOT_0_1: &str = "not(target_env = \"p1\")";
    let with = |sign| {
        let lines = hunk.lines.iter().enumerate();
        lines.filter(move |(_, line)| line.starts_with(sign) && line.contains(NOT_0_1))
    };
    // Upstream may say so.
    if with('-').next().is_some() {
        return;
    }
    for (index, _) in with('+') {
        faults.push(format!(
            "line {} says `{NOT_0_1}`, which WASI 0.3 is, too: say `target_env = \"p2\"`",
            hunk.at + 1 + index
        ));
    }
}

fn is_internal(file: &FileChange, lint: &Lint) -> bool {
    lint.internal.iter().any(|directory| {
        file.path
            .strip_prefix(directory.trim_end_matches('/'))
            .is_some_and(|rest| rest.starts_with('/'))
    })
}

/// Every new item that says `pub` has documentation in front of it, or, as a
/// module may, inside. Where the hunk begins before anything but attributes is
/// seen, it may have.
fn documentation(file: &FileChange, hunk: &Hunk, faults: &mut Vec<String>) {
    if !file.path.ends_with(".rs") {
        return;
    }
    for (index, line) in hunk.lines.iter().enumerate() {
        let Some(item) = line.strip_prefix('+').and_then(public_item) else {
            continue;
        };
        let before = hunk.lines[..index]
            .iter()
            .rev()
            .filter(|line| !line.starts_with('-'))
            .map(|line| line.get(1..).unwrap_or_default().trim())
            .find(|line| !is_attribute(line));
        let documented =
            before.is_none_or(|line| line.starts_with("///") || line.starts_with("#[doc"));
        let inside = hunk
            .lines
            .get(index + 1)
            .is_some_and(|line| line.trim_start_matches(['+', ' ']).starts_with("//!"));
        if !documented && !inside {
            faults.push(format!(
                "line {} makes `{item}` public without documentation",
                hunk.at + 1 + index
            ));
        }
    }
}

/// Whether the line is an attribute, or one of those of a long one.
fn is_attribute(line: &str) -> bool {
    (line.starts_with("#[") && !line.starts_with("#[doc")) || line == ")]" || line.ends_with(")]")
}

/// The item that a line makes public. A re-export has its documentation
/// elsewhere, and so has a module in a file of its own.
fn public_item(line: &str) -> Option<&str> {
    let line = line.trim();
    let rest = line.strip_prefix("pub ")?;
    let mut words = rest.split_whitespace();
    let item = words.find(|word| !["unsafe", "async", "extern", "\"C\""].contains(word))?;
    if !ITEMS.contains(&item) || (item == "mod" && line.ends_with(';')) {
        return None;
    }
    Some(line.trim_end_matches(['{', ' ', '(']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasip2_series::patch::{Patch, parse};

    const TEXT: &str = include_str!("../../../wasip2-series/src/sample.patch");

    fn patch(text: &str) -> Patch {
        parse(text).unwrap()
    }

    /// What is found once `old` is `new`.
    fn found(old: &str, new: &str) -> Vec<String> {
        let text = TEXT.replace(old, new);
        assert!(old.is_empty() || text != TEXT, "`{old}` is not there");
        faults(&patch(&text), &Lint::default())
    }

    fn assert_found(old: &str, new: &str, part: &str) {
        let found = found(old, new);
        assert!(
            found.len() == 1 && found[0].contains(part),
            "`{part}` is not all that was found: {found:?}"
        );
    }

    #[test]
    fn a_sound_patch_has_no_fault() {
        assert_eq!(found("", ""), Vec::<String>::new());
    }

    #[test]
    fn the_message_is_judged() {
        assert_found("folded it", "folded it several times over", "its subject");
        assert_found("\n once", "\n once.", "full stop");
        assert_found(
            "One is too few,\nso there are two.\n\nAdd one.\n\n",
            "",
            "no body",
        );
        assert_found("Add one.", &"Add ".repeat(30), "80 characters");
    }

    #[test]
    fn the_trailers_are_judged() {
        assert_found("Upstream-Status: Pending\n", "", "no trailer");
        assert_found(": Pending", ": Submitted", "is not one of `Pending`");
        assert_found(": Pending", ": Submitted soon", "is not one of `Pending`");
        assert_found(": Pending", ": Inappropriate", "is not one of `Pending`");
        assert_found(
            ": Pending\n",
            ": Pending\nUpstream-Status: Pending\n",
            "several",
        );
        assert_found("Refs: https", "Refs: http", "not an https address");
        assert_found("Refs: https", "See: https", "`See` is not one of");
        let ok = [
            ": Submitted https://example.invalid/2",
            ": Inappropriate a sample",
        ];
        for status in ok {
            assert_eq!(found(": Pending", status), Vec::<String>::new());
        }
    }

    #[test]
    fn context_and_whitespace_are_judged() {
        assert_found(
            "@@ -1,3 +1,4 @@\n one\n",
            "@@ -1,4 +1,5 @@\n zero\n one\n",
            "more than one line of context",
        );
        assert_found("+2\n", "+2 \n", "trailing whitespace");
        assert_found(
            "+2\n",
            "+#[cfg(not(target_env = \"p1\"))]\n",
            "which WASI 0.3 is, too",
        );
        // Lines between two changes are shared.
        let text = TEXT
            .replace("-1,3 +1,4", "-1,5 +1,6")
            .replace("+2\n+3\n", "+2\n a\n b\n+3\n");
        assert!(faults(&patch(&text), &Lint::default()).is_empty());
    }

    #[test]
    fn a_public_item_is_documented() {
        assert_found("+2\n", "+pub fn two() {\n", "`pub fn two()` public");
        for documented in [
            "+/// Two.\n+#[inline]\n+pub fn two() {\n",
            "+pub use two;\n",
        ] {
            let lines = 3 + documented.matches('+').count();
            let text = TEXT
                .replace("+2\n", documented)
                .replace("-1,3 +1,4", &format!("-1,3 +1,{lines}"));
            assert_eq!(
                faults(&patch(&text), &Lint::default()),
                Vec::<String>::new()
            );
        }
        let internal = Lint {
            internal: vec!["src".to_owned()],
            ..Lint::default()
        };
        let text = TEXT.replace("+2\n", "+pub fn two() {\n");
        assert!(faults(&patch(&text), &internal).is_empty());
    }

    #[test]
    fn a_large_patch_gives_a_reason() {
        let large = TEXT
            .replace("-1,3 +1,4", "-1,3 +1,503")
            .replace("+2\n", &"+2\n".repeat(500));
        let found = faults(&patch(&large), &Lint::default());
        assert!(
            found.len() == 1 && found[0].contains("501 lines"),
            "{found:?}"
        );
        let reason = large.replace("Refs:", "Size-Reason: one table\nRefs:");
        assert!(faults(&patch(&reason), &Lint::default()).is_empty());
    }
}
