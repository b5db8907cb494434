//! That the public interface only grows, in the eyes of cargo-semver-checks.
//!
//! It is given rustdoc's JSON of the release and of the patched tree, natively
//! and for WASI, made with the same features; a change that would ask for a
//! new major version is a fault, unless `series.toml` has an exception for it.
//! rustdoc's JSON is unstable, hence `RUSTC_BOOTSTRAP`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::compile::{of, title};
use super::exceptions::{self, Excused, Judged};
use super::losses::{self, Loss};
use super::report::Report;
use super::workbench::Workbench;
use wasip2_ground::process::quoted_tail;
use wasip2_ground::{Console, Home, Process, TARGET};
use wasip2_series::Series;
use wasip2_series::series::ApiTarget;

/// Compares the interfaces and adds the faults to the report.
pub fn check(
    series: &Series,
    workbench: &Workbench,
    report: &mut Report,
    home: &Home,
    console: &Console,
) -> Result<()> {
    let program = wasip2_toolchain::semver_checks(home, console)?;
    for (target, api) in [(None, ApiTarget::Native), (Some(TARGET), ApiTarget::Wasip2)] {
        let losses = lost(series, workbench, &program, target, console)?;
        let Judged {
            unexcused,
            excused,
            idle,
        } = exceptions::judge(losses, &series.lint.api_exceptions, api);
        if !unexcused.is_empty() {
            let listed: String = unexcused.iter().map(|loss| format!("\n  {loss}")).collect();
            report.general.push(format!(
                "{series} for {}: the public interface did not only grow; it lost{listed}",
                of(target)
            ));
        }
        for pattern in idle {
            report.general.push(format!(
                "{series} for {}: the exception for `{pattern}` excuses nothing; take it out of \
                 series.toml",
                of(target)
            ));
        }
        report
            .excused
            .extend(excused.into_iter().map(|(loss, reason)| Excused {
                series: series.to_string(),
                target: of(target).to_owned(),
                lost: loss.to_string(),
                reason,
            }));
    }
    Ok(())
}

/// What the series takes from the interface for `target`; nothing where the
/// release has none.
fn lost(
    series: &Series,
    workbench: &Workbench,
    program: &Path,
    target: Option<&str>,
    console: &Console,
) -> Result<Vec<Loss>> {
    workbench.step(0, console)?;
    let Some(released) = document(workbench, "released", target, console)? else {
        console.warn(format!(
            "{series} as released does not compile for {}, so there is no interface to compare \
             with",
            of(target)
        ));
        return Ok(Vec::new());
    };
    workbench.step(series.patches.len(), console)?;
    let patched = document(workbench, "patched", target, console)?
        .with_context(|| format!("rustdoc failed for {series}, for {}", of(target)))?;
    let spinner = console.spinner("Comparing", title(&series.to_string(), target));
    let losses = compare(program, &released, &patched, console);
    spinner.finish_and_clear();
    losses
}

/// Has rustdoc describe the tree as it stands; nothing where it fails.
fn document(
    workbench: &Workbench,
    name: &str,
    target: Option<&str>,
    console: &Console,
) -> Result<Option<PathBuf>> {
    let output = workbench
        .cargo("rustdoc", target)
        .args(["--", "-Zunstable-options", "--output-format=json"])
        .args(["--document-private-items", "--document-hidden-items"])
        .arg("--cap-lints=allow")
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTDOCFLAGS", workbench.rustflags())
        .output(console)?;
    if !output.status.success() {
        return Ok(None);
    }
    let made = workbench.documented(target);
    let kept = made.with_extension(format!("{name}.json"));
    std::fs::copy(&made, &kept)
        .with_context(|| format!("rustdoc did not write {}", made.display()))?;
    Ok(Some(kept))
}

/// What is lost from one interface to the other.
fn compare(
    program: &Path,
    released: &Path,
    patched: &Path,
    console: &Console,
) -> Result<Vec<Loss>> {
    let output = Process::new(program)
        .args(["semver-checks", "--color=never", "--release-type=minor"])
        .arg("--baseline-rustdoc")
        .arg(released)
        .arg("--current-rustdoc")
        .arg(patched)
        .output(console)?;
    if output.status.success() {
        return Ok(Vec::new());
    }
    let losses = losses::read(&String::from_utf8_lossy(&output.stdout));
    if losses.is_empty() {
        bail!(
            "cargo-semver-checks failed{}",
            quoted_tail(&output.stderr, 12)
        );
    }
    Ok(losses)
}
