//! What only a compiler can say: that each step of a series builds, and that
//! rustfmt and clippy find no more in the patched tree than in the release.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, bail};

use super::report::Report;
use super::workbench::Workbench;
use wasip2_ground::messages::diagnostic::DiagnosticLevel;
use wasip2_ground::messages::{self, Message};
use wasip2_ground::process::quoted_tail;
use wasip2_ground::{Console, Process, TARGET};
use wasip2_series::git::git;
use wasip2_series::series::PatchFile;
use wasip2_series::{Patch, Series};

/// The targets that everything is built for: this machine's, and ours.
pub const TARGETS: [Option<&str>; 2] = [None, Some(TARGET)];

/// Checks one series, or no more than the steps of its patches with these
/// `numbers`, and adds the faults to the report.
pub fn check(
    series: &Series,
    numbers: &[String],
    workbench: &Workbench,
    report: &mut Report,
    console: &Console,
) -> Result<()> {
    let is_wanted =
        |patch: &PatchFile| numbers.is_empty() || numbers.iter().any(|one| one == patch.number());
    for (index, patch) in series.patches.iter().enumerate() {
        if !is_wanted(patch) {
            continue;
        }
        workbench.step(index + 1, console)?;
        let what = "the series up to it";
        compile_step(series, patch, what, workbench, report, console)?;
    }
    // As `branch --split` would send it.
    let branches = workbench.split(console)?;
    for (branch, patch) in branches.iter().zip(&series.patches) {
        if !is_wanted(patch) {
            continue;
        }
        workbench.hold(branch, console)?;
        let what = "its own branch, with nothing but what it depends on (`needs` in series.toml),";
        compile_step(series, patch, what, workbench, report, console)?;
    }
    if !numbers.is_empty() {
        return Ok(());
    }
    format(series, workbench, report, console)?;
    clippy(series, workbench, report, console)?;
    lowest(series, workbench, report, console)
}

/// Compiles what the tree holds with `patch`, for every target.
fn compile_step(
    series: &Series,
    patch: &PatchFile,
    what: &str,
    workbench: &Workbench,
    report: &mut Report,
    console: &Console,
) -> Result<()> {
    let patch = &patch.name;
    // The names begin with the patches' numbers.
    let from = series.lint.default_features_from.as_ref();
    let is_bare = from.is_some_and(|from| patch.as_str() < from.as_str());
    for target in TARGETS {
        let spinner = console.spinner("Compiling", title(&format!("{series} {patch}"), target));
        let compiled = compile(workbench, is_bare, target, console)?;
        spinner.finish_and_clear();
        if let Some(error) = compiled {
            let fault = format!("{what} does not compile for {}{error}", of(target));
            report.blame(series, patch, fault);
        }
    }
    Ok(())
}

/// Compiles the library, without default features if `is_bare`; gives back the
/// errors.
fn compile(
    workbench: &Workbench,
    is_bare: bool,
    target: Option<&str>,
    console: &Console,
) -> Result<Option<String>> {
    let mut process = workbench.cargo("check", target);
    if is_bare {
        process = process.arg("--no-default-features");
    }
    let output = process.output(console)?;
    if output.status.success() {
        return Ok(None);
    }
    let errors: Vec<String> = diagnostics(&output.stdout, workbench)?
        .into_iter()
        .filter(|found| found.level == DiagnosticLevel::Error)
        .map(|found| found.text)
        .collect();
    if errors.is_empty() {
        return Ok(Some(quoted_tail(&output.stderr, 12)));
    }
    Ok(Some(quoted_tail(errors.join("\n").as_bytes(), 12)))
}

/// It compiles with the lowest versions that its manifest admits, as the release
/// does natively: a patch that needs a newer one has the manifest ask for it.
fn lowest(
    series: &Series,
    workbench: &Workbench,
    report: &mut Report,
    console: &Console,
) -> Result<()> {
    let compiled = |patches: usize, target: Option<&str>| -> Result<Option<String>> {
        match workbench.lowest(patches, console)? {
            Some(said) => Ok(Some(said)),
            None => compile(workbench, false, target, console),
        }
    };
    let spinner = console.spinner("Compiling", format!("{series} with the lowest versions"));
    if let Some(error) = compiled(0, None)? {
        spinner.finish_and_clear();
        console.detail(
            "Skipping",
            format!("the lowest versions: {series} does not compile with them as released{error}"),
        );
        return Ok(());
    }
    for target in TARGETS {
        if let Some(error) = compiled(series.patches.len(), target)? {
            report.general.push(format!(
                "{series} for {}: with the lowest versions that its manifest admits it does not \
                 compile{error}",
                of(target)
            ));
        }
    }
    spinner.finish_and_clear();
    Ok(())
}

/// rustfmt changes no file that it leaves alone in the release.
fn format(
    series: &Series,
    workbench: &Workbench,
    report: &mut Report,
    console: &Console,
) -> Result<()> {
    console.status("Formatting", series);
    workbench.step(0, console)?;
    let before = unformatted(&workbench.tree, console)?;
    workbench.step(series.patches.len(), console)?;
    let after = unformatted(&workbench.tree, console)?;
    for file in after.difference(&before) {
        report
            .general
            .push(format!("{series}: rustfmt would change {file}"));
    }
    Ok(())
}

/// The files that rustfmt would change, by upstream's settings.
fn unformatted(tree: &Path, console: &Console) -> Result<BTreeSet<String>> {
    let listed = git(tree, ["ls-files", "*.rs"]).read(console)?;
    let manifest = std::fs::read_to_string(tree.join("Cargo.toml"))?;
    let manifest: toml::Table = manifest.parse()?;
    let edition = manifest
        .get("package")
        .and_then(|package| package.get("edition"))
        .and_then(toml::Value::as_str)
        .unwrap_or("2015");
    let output = Process::new("rustfmt")
        .or_install("install it with `rustup component add rustfmt`")
        .current_dir(tree)
        .args(["--check", "--files-with-diff", "--edition", edition])
        .args(listed.lines())
        .output(console)?;
    let root = std::fs::canonicalize(tree)?;
    let mut files = BTreeSet::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let path = Path::new(line);
        let relative = path.strip_prefix(&root).unwrap_or(path);
        files.insert(relative.display().to_string());
    }
    // Something else than differences.
    if files.is_empty() && !output.status.success() {
        bail!("rustfmt failed{}", quoted_tail(&output.stderr, 12));
    }
    Ok(files)
}

/// Clippy, and rustc about missing documentation, warn of nothing that they do
/// not warn of in the release, on whatever target. What the release leaves
/// undocumented is for upstream to say, although the patches have it compiled for a
/// target more.
fn clippy(
    series: &Series,
    workbench: &Workbench,
    report: &mut Report,
    console: &Console,
) -> Result<()> {
    let patches = Patch::all(series)?;
    let mut known = BTreeSet::new();
    workbench.step(0, console)?;
    for target in TARGETS {
        let spinner = console.spinner("Linting", title(&format!("{series} as released"), target));
        // The release need not compile where the patches make it.
        let found = warnings(workbench, &patches, target, console)?.unwrap_or_default();
        spinner.finish_and_clear();
        known.extend(found.into_iter().map(|(message, _)| message));
    }
    workbench.step(series.patches.len(), console)?;
    for target in TARGETS {
        let spinner = console.spinner("Linting", title(&series.to_string(), target));
        let found = warnings(workbench, &patches, target, console)?;
        spinner.finish_and_clear();
        let Some(found) = found else {
            let fault = format!("{series}: clippy does not compile it for {}", of(target));
            report.general.push(fault);
            continue;
        };
        for (message, place) in found {
            if !known.contains(&message) {
                let fault = format!("{series} for {}: {message} at {place}", of(target));
                report.general.push(fault);
            }
        }
    }
    Ok(())
}

/// What is warned of, each with its place; nothing where it does not compile.
fn warnings(
    workbench: &Workbench,
    patches: &[Patch],
    target: Option<&str>,
    console: &Console,
) -> Result<Option<BTreeSet<(String, String)>>> {
    let output = workbench
        .cargo("clippy", target)
        .args(["--", "--cap-lints=warn", "-Wmissing_docs"])
        .output(console)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("is not installed") {
            bail!("clippy is not installed; `rustup component add clippy` installs it");
        }
        return Ok(None);
    }
    let found = diagnostics(&output.stdout, workbench)?
        .into_iter()
        .filter(|found| !found.place.is_empty())
        .filter(|found| !found.undocumented || patches.iter().any(|patch| patch.adds(&found.line)))
        .map(|found| {
            let message = format!("{} in {}", found.message, found.file);
            (message, found.place)
        });
    Ok(Some(found.collect()))
}

/// What the compiler said of the crate itself.
struct Found {
    level: DiagnosticLevel,
    message: String,
    /// Whether it is about missing documentation.
    undocumented: bool,
    /// The message as a person sees it.
    text: String,
    file: String,
    /// File, line and column.
    place: String,
    /// The source's line there.
    line: String,
}

/// The messages about the crate itself: those about another patched tree that
/// it is built with are that one's.
fn diagnostics(stdout: &[u8], workbench: &Workbench) -> Result<Vec<Found>> {
    let tree = std::fs::canonicalize(&workbench.tree)?;
    let mut found = Vec::new();
    messages::read(stdout, |message| {
        let Message::CompilerMessage(message) = message else {
            return;
        };
        if !message.target.src_path.starts_with(&tree) {
            return;
        }
        let diagnostic = message.message;
        let span = diagnostic.spans.iter().find(|span| span.is_primary);
        found.push(Found {
            level: diagnostic.level,
            undocumented: diagnostic
                .code
                .is_some_and(|code| code.code == "missing_docs"),
            line: span
                .and_then(|span| span.text.first())
                .map(|line| line.text.clone())
                .unwrap_or_default(),
            text: diagnostic.rendered.unwrap_or_default(),
            file: span.map(|span| span.file_name.clone()).unwrap_or_default(),
            place: span
                .map(|span| {
                    format!(
                        "{}:{}:{}",
                        span.file_name, span.line_start, span.column_start
                    )
                })
                .unwrap_or_default(),
            message: diagnostic.message,
        });
    })?;
    Ok(found)
}

/// What is done, and for which target.
pub fn title(what: &str, target: Option<&str>) -> String {
    format!("{what} for {}", of(target))
}

/// A target's name for a person.
pub fn of(target: Option<&str>) -> &str {
    target.unwrap_or("this machine")
}
