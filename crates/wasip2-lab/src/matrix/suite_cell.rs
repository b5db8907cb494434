//! Runs a crate's own tests: `cargo wasip2 suite` in a process of its own.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::cell::{Counts, Outcome, Variant};
use super::compile::refuse_full_disk;
use super::found::Found;
use super::plan::{Row, Setting, SuiteWork};
use super::workshop::Workshop;
use crate::suite;
use wasip2_ground::Wasi;
use wasip2_toolchain::Panic;

/// What is read of a suite's report.
#[derive(Deserialize)]
struct Report {
    linux: usize,
    counts: BTreeMap<String, usize>,
    surprises: usize,
    unbuilt: Vec<String>,
    filter: Vec<String>,
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    linux: bool,
}

/// Does the work of a cell.
pub fn run(
    row: &Row,
    work: &SuiteWork,
    variant: Variant,
    setting: &Setting,
    workshop: &Workshop,
) -> Result<Found> {
    let suites = workshop
        .plan
        .suites
        .as_deref()
        .context("the plan has suites and does not say where they are")?;
    let filter = match workshop.quick {
        true => work.quick_filter.as_slice(),
        false => &[],
    };
    let file = workshop
        .home
        .directory("matrix/suites")?
        .join(format!("{}-{variant}-{}.json", row.krate, setting.name));
    let _ = std::fs::remove_file(&file);
    let mut words = vec![
        "suite".to_owned(),
        row.krate.clone(),
        format!("--mode={}", setting.mode.word()),
    ];
    if variant == Variant::Upstream {
        words.push("--upstream".to_owned());
    }
    if setting.panic == Panic::Unwind {
        words.push("--panic=unwind".to_owned());
    }
    if setting.wasi != Wasi::P2 {
        words.push(format!("--wasi={}", setting.wasi));
    }
    words.push(format!("--suites={}", suites.display()));
    words.push(format!("--json={}", file.display()));
    words.extend(workshop.series_words());
    if !filter.is_empty() {
        words.push("--".to_owned());
        words.extend(filter.iter().cloned());
    }
    let mut found = Found::new(Outcome::Passes);
    let limit = work.time_limit.unwrap_or(workshop.plan.limits.suite);
    let ended = workshop.tool(&words, limit, &mut found)?;
    let said = String::from_utf8_lossy(&ended.stderr);
    refuse_full_disk(&said)?;
    let Some(status) = ended.status else {
        found.fail(
            Outcome::Hangs,
            format!("it had not ended after {} s", limit.as_secs()),
        );
        return Ok(found);
    };
    let Ok(text) = std::fs::read_to_string(&file) else {
        found.fail(Outcome::DoesNotBuild, first_error(&said));
        return Ok(found);
    };
    let report: Report = serde_json::from_str(&text).context("the suite's report is not right")?;
    let passed = report.counts.get("passes").copied().unwrap_or(0);
    let of = match report.filter.is_empty() {
        true => report.linux,
        false => report.tests.iter().filter(|test| test.linux).count(),
    };
    found.counts = Some(Counts {
        passed: passed as u64,
        of: Some(of as u64),
    });
    match variant {
        Variant::Patched => {
            if !status.success() || report.surprises > 0 {
                found.fail(Outcome::Fails, first_error(&said));
            }
        }
        Variant::Upstream => {
            let way = suite::Way {
                panic: setting.panic,
                mode: setting.mode,
                wasi: setting.wasi,
            };
            let promised = suite::promised(suites, &row.krate, way, filter)?;
            if passed < promised {
                let mut error = format!("{passed} tests pass, of {promised} that do when patched");
                if !report.unbuilt.is_empty() {
                    error.push_str(&format!("; not built: {}", report.unbuilt.join(", ")));
                }
                found.fail(Outcome::Fails, error);
            }
        }
    }
    Ok(found)
}

/// The first error, of rustc or of the suite.
fn first_error(said: &str) -> String {
    let mut lines = said.lines().map(str::trim_start);
    let error = lines.find(|line| line.starts_with("error"));
    error.unwrap_or("it failed without a word").to_owned()
}
