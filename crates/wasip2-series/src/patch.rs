//! A patch of a series, as `git format-patch` writes it: who, why, what.
//!
//! Git applies patches; this reads them, for what git does not judge: the
//! message and its trailers, how much a patch touches, and which series cannot
//! be right because a number or a header is missing.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use crate::series::{PatchFile, Series};

/// One patch.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// The number that its file name begins with.
    pub number: String,
    /// The name of its file in the series.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// The first line of its message.
    pub subject: String,
    /// The paragraphs of its message between subject and trailers.
    pub paragraphs: Vec<String>,
    /// The `Key: value` lines that end the message.
    pub trailers: Vec<(String, String)>,
    /// What it changes, file by file.
    pub files: Vec<FileChange>,
}

/// What a patch does to one file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FileChange {
    /// The file's path in the released package.
    pub path: String,
    /// Whether the patch makes the file.
    pub new: bool,
    /// The changed places, in order.
    pub hunks: Vec<Hunk>,
}

/// One changed place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hunk {
    /// Its `@@` line's number in the patch file.
    pub at: usize,
    /// The changed and surrounding lines, each beginning with `+`, `-` or a
    /// space.
    pub lines: Vec<String>,
}

impl Patch {
    /// Reads every patch of `series`. A number that is missing or given twice
    /// is an error, as is a file that is not a patch.
    pub fn all(series: &Series) -> Result<Vec<Patch>> {
        let patches = series
            .patches
            .iter()
            .map(Patch::read)
            .collect::<Result<Vec<Patch>>>()?;
        for (index, patch) in patches.iter().enumerate() {
            let wanted = format!("{:04}", index + 1);
            ensure!(
                patch.number == wanted,
                "the series of {series} has no patch {wanted}: {} stands in its place\n  the \
                 patches are numbered from 0001, without a gap, in the order they apply in",
                patch.name
            );
        }
        for number in series.notes.keys() {
            ensure!(
                patches.iter().any(|patch| patch.number == *number),
                "the series.toml of {series} has a table [patch.{number}], and there is no patch \
                 of that number"
            );
        }
        Ok(patches)
    }

    /// Reads the patch that stands in `file`.
    fn read(file: &PatchFile) -> Result<Patch> {
        let path = file.path.as_path();
        let text = fs::read_to_string(path)
            .with_context(|| format!("the patch {} could not be read", path.display()))?;
        let mut patch = parse(&text).with_context(|| {
            format!(
                "{} is not a patch as `git format-patch` writes it",
                path.display()
            )
        })?;
        patch.name.clone_from(&file.name);
        patch.number = file.name.split('-').next().unwrap_or_default().to_owned();
        ensure!(
            patch.number.len() == 4 && patch.number.bytes().all(|byte| byte.is_ascii_digit()),
            "the patch {} does not begin with a number of four digits, as 0001-what-it-does.patch \
             does",
            path.display()
        );
        patch.path = path.to_owned();
        Ok(patch)
    }

    /// The values of the trailer `key`.
    pub fn trailer<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.trailers
            .iter()
            .filter(move |(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, value)| value.as_str())
    }

    /// The file's name without number and extension.
    pub fn slug(&self) -> String {
        let name = self.name.strip_suffix(".patch").unwrap_or(&self.name);
        let slug = name.split_once('-').map_or(name, |(_, slug)| slug);
        slug.trim_matches(['.', '-']).to_owned()
    }

    /// How many existing lines it changes or removes.
    pub fn touched(&self) -> usize {
        self.files
            .iter()
            .filter(|file| !file.new)
            .map(|file| file.count('-'))
            .sum()
    }

    /// How many lines it adds.
    pub fn added(&self) -> usize {
        self.files.iter().map(|file| file.count('+')).sum()
    }

    /// Whether `line` is one of those that it adds.
    pub fn adds(&self, line: &str) -> bool {
        let hunks = self.files.iter().flat_map(|file| &file.hunks);
        hunks
            .flat_map(|hunk| &hunk.lines)
            .any(|added| added.strip_prefix('+') == Some(line))
    }

    /// Whether `other` changes the same lines, wherever they stand in the
    /// files.
    pub fn changes_as(&self, other: &Patch) -> bool {
        let changes = |patch: &Patch| -> Vec<FileChange> {
            let mut files = patch.files.clone();
            for hunk in files.iter_mut().flat_map(|file| &mut file.hunks) {
                hunk.at = 0;
            }
            files
        };
        changes(self) == changes(other)
    }

    /// How many lines it adds to files that were there and are not tests.
    pub fn added_to_existing(&self) -> usize {
        self.files
            .iter()
            .filter(|file| !file.new && !file.is_test())
            .map(|file| file.count('+'))
            .sum()
    }
}

impl FileChange {
    /// Whether it holds tests, by its path.
    pub fn is_test(&self) -> bool {
        self.path
            .split('/')
            .any(|part| part == "tests" || part == "tests.rs" || part == "test.rs")
    }

    fn count(&self, sign: char) -> usize {
        self.hunks
            .iter()
            .flat_map(|hunk| &hunk.lines)
            .filter(|line| line.starts_with(sign))
            .count()
    }
}

/// Reads a patch; its number and path are left empty.
pub fn parse(text: &str) -> Result<Patch> {
    let mut lines = text.lines().enumerate().peekable();
    let (mut from, mut subject): (Option<&str>, Option<String>) = (None, None);
    ensure!(
        lines
            .next()
            .is_some_and(|(_, line)| line.starts_with("From ") && line.len() > 45),
        "it does not begin with `From <commit> Mon Sep 17 00:00:00 2001`"
    );
    for (_, line) in lines.by_ref() {
        if line.is_empty() {
            break;
        } else if let Some(value) = line.strip_prefix("From: ") {
            from = Some(value);
        } else if let Some(value) = line.strip_prefix("Subject: ") {
            subject = Some(value.to_owned());
        } else if line.starts_with(' ')
            && let Some(subject) = &mut subject
        {
            subject.push_str(line);
        }
    }
    ensure!(
        from.is_some_and(|from| from.contains('<') && from.ends_with('>')),
        "its header has no `From: name <address>`"
    );
    let subject = subject.context("its header has no `Subject:`")?;
    let mut message = Vec::new();
    loop {
        let Some((_, line)) = lines.next() else {
            bail!("no `---` ends its message");
        };
        if line == "---" {
            break;
        }
        message.push(line);
    }
    let (paragraphs, trailers) = split_message(&message);
    Ok(Patch {
        number: String::new(),
        name: String::new(),
        path: PathBuf::new(),
        subject: untagged(&subject).to_owned(),
        paragraphs,
        trailers,
        files: changes(lines)?,
    })
}

/// A subject without `[PATCH 1/2]`.
fn untagged(subject: &str) -> &str {
    match subject.strip_prefix("[PATCH") {
        Some(rest) => rest.split_once("] ").map_or(subject, |(_, rest)| rest),
        None => subject,
    }
}

/// The message's paragraphs, and the last one's lines if they are trailers.
fn split_message(message: &[&str]) -> (Vec<String>, Vec<(String, String)>) {
    let mut paragraphs: Vec<String> = message
        .split(|line| line.trim().is_empty())
        .filter(|lines| !lines.is_empty())
        .map(|lines| lines.join("\n"))
        .collect();
    let trailers: Option<Vec<(String, String)>> = paragraphs
        .last()
        .and_then(|last| last.lines().map(trailer).collect());
    if trailers.is_some() {
        paragraphs.pop();
    }
    (paragraphs, trailers.unwrap_or_default())
}

/// A line of the form `Key: value`.
fn trailer(line: &str) -> Option<(String, String)> {
    let (key, value) = line.split_once(':')?;
    let well_formed = !key.is_empty()
        && key
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    well_formed.then(|| (key.to_owned(), value.trim().to_owned()))
}

/// The changes of each file.
fn changes<'a>(lines: impl Iterator<Item = (usize, &'a str)>) -> Result<Vec<FileChange>> {
    let mut files: Vec<FileChange> = Vec::new();
    // How many lines of the old and of the new text the hunk still has.
    let (mut old, mut new) = (0, 0);
    for (index, line) in lines {
        let number = index + 1;
        if old > 0 || new > 0 {
            match line.as_bytes().first() {
                Some(b'+') => new -= 1,
                Some(b'-') => old -= 1,
                Some(b' ') | None => {
                    old -= 1;
                    new -= 1;
                }
                Some(b'\\') => continue,
                _ => bail!("line {number} is in a hunk and does not belong there"),
            }
            ensure!(
                old >= 0 && new >= 0,
                "the hunk that line {number} is in has more lines than its `@@` says"
            );
            let hunk = files.last_mut().and_then(|file| file.hunks.last_mut());
            let hunk = hunk.context("a hunk without a file")?;
            hunk.lines.push(line.to_owned());
        } else if let Some(paths) = line.strip_prefix("diff --git a/") {
            let (path, _) = paths
                .split_once(" b/")
                .with_context(|| format!("line {number} names no file"))?;
            files.push(FileChange {
                path: path.to_owned(),
                ..FileChange::default()
            });
        } else if line.starts_with("@@ ") {
            (old, new) =
                sizes(line).with_context(|| format!("line {number} is not an `@@` line"))?;
            let file = files.last_mut();
            let file = file.with_context(|| format!("line {number}: a hunk of no file"))?;
            file.hunks.push(Hunk {
                at: number,
                lines: Vec::new(),
            });
        } else if line.starts_with("new file mode")
            && let Some(file) = files.last_mut()
        {
            file.new = true;
        }
    }
    ensure!(
        old == 0 && new == 0,
        "its last hunk has fewer lines than its `@@` says"
    );
    ensure!(!files.is_empty(), "it changes no file");
    Ok(files)
}

/// The sizes in `@@ -1,3 +1,4 @@`.
fn sizes(line: &str) -> Option<(i64, i64)> {
    let mut words = line.split(' ').skip(1);
    let size = |word: &str| match word.get(1..)?.split_once(',') {
        Some((_, size)) => size.parse::<u32>().ok().map(i64::from),
        None => Some(1),
    };
    Some((size(words.next()?)?, size(words.next()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = include_str!("sample.patch");

    fn patch(text: &str) -> Patch {
        parse(text).unwrap()
    }

    #[test]
    fn a_patch_is_taken_apart() {
        let patch = patch(TEXT);
        assert_eq!(
            patch.subject,
            "net: a subject that is long enough for git to have folded it once"
        );
        assert_eq!(
            patch.paragraphs,
            ["One is too few,\nso there are two.", "Add one."]
        );
        assert_eq!(
            patch.trailer("upstream-status").collect::<Vec<_>>(),
            ["Pending"]
        );
        assert_eq!(patch.trailers.len(), 2);
        assert_eq!(
            (patch.added(), patch.touched(), patch.added_to_existing()),
            (3, 1, 2)
        );
        assert!(patch.files[1].new && patch.files[1].is_test());
    }

    #[test]
    fn the_same_changes_at_another_line_are_the_same() {
        let patch = patch(TEXT);
        let same = |old: &str, new: &str| {
            let text = TEXT.replace(old, new);
            assert_ne!(text, TEXT);
            patch.changes_as(&parse(&text).unwrap())
        };
        assert!(same("@@ -1,3 +1,4 @@", "@@ -7,3 +9,4 @@"));
        assert!(same("Date:", "X-Mailer: none\nDate:"));
        assert!(!same("+3\n", "+4\n"));
        assert!(!same("tests/new.rs", "tests/other.rs"));
    }

    #[test]
    fn a_last_paragraph_of_prose_is_no_trailer() {
        let text = TEXT.replace(
            "\n\nUpstream-Status: Pending\nRefs: https://example.invalid/1",
            "\n\nNote: this\nis prose.",
        );
        assert!(patch(&text).trailers.is_empty());
        assert_eq!(patch(&text).paragraphs.len(), 3);
    }

    #[test]
    fn a_broken_patch_says_what_is_wrong() {
        let broken = |old: &str, new: &str| parse(&TEXT.replace(old, new)).unwrap_err().to_string();
        assert!(broken("From 0000", "Frm 0000").contains("does not begin with"));
        assert!(broken("From: cargo", "Frm: cargo").contains("no `From:"));
        assert!(broken("Subject: ", "Subjet: ").contains("no `Subject:`"));
        assert!(broken("\n---\n src", "\n src").contains("no `---`"));
        assert!(broken("@@ -1,3 +1,4 @@", "@@ -1,3 +1,5 @@").contains("hunk"));
        assert!(broken("@@ -0,0 +1 @@", "@@ -0,0 +1,9 @@").contains("fewer lines"));
    }
}
