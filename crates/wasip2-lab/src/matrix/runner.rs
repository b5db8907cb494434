//! Runs the cells of a plan: those that only compile in one lane, the others in
//! another, one after the other in each.
//!
//! To compile a crate takes one core for most of its time, and so does what
//! runs; two lanes have use for two cores. The lanes share no directory that is
//! built in.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};

use super::cell::{Cell, Outcome, Variant, name};
use super::found::Found;
use super::kept::{self, Kept};
use super::needs;
use super::plan::{Plan, Row, Setting, Work};
use super::workshop::Workshop;
use super::{build_cell, guest_cell, serve_cell, suite_cell};
use crate::notation::fits;
use wasip2_ground::{Console, Process};
use wasip2_host::hosts;

/// Which of the cells are run.
#[derive(Debug)]
pub struct Selection<'a> {
    pub quick: bool,
    pub only: &'a [String],
}

impl Selection<'_> {
    /// Why `--quick` does not run the cell, if it does not.
    fn leaves_out(&self, row: &Row, setting: &Setting) -> Option<String> {
        (self.quick && !(row.quick && setting.quick)).then(|| "left out by --quick".to_owned())
    }

    /// Whether a cell of the row was asked for.
    pub fn has_row(&self, row: &Row, plan: &Plan) -> bool {
        !planned(&[row], self, plan).is_empty()
    }

    /// Whether the cell was asked for.
    fn has(&self, row: &Row, variant: Variant, setting: &Setting) -> bool {
        let name = name(&row.name, variant, &setting.name);
        self.only.is_empty()
            || self.only.iter().any(|only| match only.contains('*') {
                true => fits(only, &name),
                false => name.contains(only.as_str()),
            })
    }
}

/// A cell that is to be run.
#[derive(Clone, Copy)]
struct Planned<'a> {
    /// Its place among all.
    index: usize,
    row: &'a Row,
    variant: Variant,
    setting: &'a Setting,
}

/// Runs those cells of `rows` that were selected; gives back all of them.
/// Every lane has a workshop of its own, which `workshop` makes.
pub fn run<'a>(
    rows: &[&Row],
    selection: &Selection,
    kept: &Kept,
    workshop: impl Fn() -> Workshop<'a>,
) -> Result<Vec<Cell>> {
    let mut lanes = [workshop(), workshop()];
    let (plan, console) = (lanes[0].plan, lanes[0].console);
    let planned = planned(rows, selection, plan);
    let compiles = |one: &Planned| matches!(one.row.work, Work::Build(_));
    let (checks, others): (Vec<_>, Vec<_>) = planned.iter().copied().partition(compiles);
    let bar = console.count_bar("Running", planned.len());
    // An error of one lane ends the other after the cell that it is at.
    let over = AtomicBool::new(false);
    let run = |lane: &[Planned], workshop: &mut Workshop| {
        let mut cells = Vec::new();
        for one in lane {
            if over.load(Ordering::Relaxed) {
                break;
            }
            bar.set_message(name(&one.row.name, one.variant, &one.setting.name));
            let (cell, again) = done(one, selection, kept, workshop)
                .inspect_err(|_| over.store(true, Ordering::Relaxed))?;
            bar.suspend(|| tell(&cell, again, console));
            bar.inc(1);
            cells.push((one.index, cell));
        }
        anyhow::Ok(cells)
    };
    let [one, other] = &mut lanes;
    let (checks, others) = thread::scope(|scope| {
        let checks = scope.spawn(|| run(&checks, one));
        let others = run(&others, other);
        (checks.join(), others)
    });
    bar.finish_and_clear();
    let checks = checks.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let mut cells: Vec<(usize, Cell)> = checks?.into_iter().chain(others?).collect();
    cells.sort_by_key(|(index, _)| *index);
    Ok(cells.into_iter().map(|(_, cell)| cell).collect())
}

/// The cells that were selected, in the order of the plan.
fn planned<'a>(rows: &[&'a Row], selection: &Selection, plan: &'a Plan) -> Vec<Planned<'a>> {
    let mut planned = Vec::new();
    for row in rows {
        for variant in Variant::ALL {
            for setting in plan
                .settings
                .iter()
                .filter(|one| one.kinds.contains(&row.kind))
            {
                if selection.has(row, variant, setting) {
                    planned.push(Planned {
                        index: planned.len(),
                        row,
                        variant,
                        setting,
                    });
                }
            }
        }
    }
    planned
}

/// Shows the names of the cells that were selected.
pub fn list(rows: &[&Row], selection: &Selection, plan: &Plan) {
    for one in planned(rows, selection, plan) {
        if one.setting.leaves_out(one.row, one.variant).is_none() {
            println!("{}", name(&one.row.name, one.variant, &one.setting.name));
        }
    }
}

/// Runs a cell, unless it is left out or what became of it is kept; says
/// whether it is kept.
fn done(
    planned: &Planned,
    selection: &Selection,
    kept: &Kept,
    workshop: &mut Workshop,
) -> Result<(Cell, bool)> {
    let (plan, console) = (workshop.plan, workshop.console);
    let Planned {
        row,
        variant,
        setting,
        ..
    } = *planned;
    let left_out = setting
        .leaves_out(row, variant)
        .or_else(|| selection.leaves_out(row, setting));
    if let Some(reason) = left_out {
        let found = Found::not_run(reason);
        return Ok((cell(plan, row, variant, setting, found, 0.0), false));
    }
    let file = kept.file(
        inputs(row, variant, setting, selection, workshop)?
            .iter()
            .map(String::as_str),
    );
    if let Some(cell) = kept.read(&file, console) {
        return Ok((cell, true));
    }
    let started = Instant::now();
    let found = find(row, variant, setting, workshop).with_context(|| {
        let full = name(&row.name, variant, &setting.name);
        format!("the cell {full} could not be run")
    })?;
    let seconds = started.elapsed().as_secs_f64();
    let cell = cell(plan, row, variant, setting, found, seconds);
    kept.write(&file, &cell)?;
    Ok((cell, false))
}

/// All that a cell follows from, beside what all do.
fn inputs(
    row: &Row,
    variant: Variant,
    setting: &Setting,
    selection: &Selection,
    workshop: &Workshop,
) -> Result<Vec<String>> {
    let plan = workshop.plan;
    let mut inputs = vec![
        serde_json::to_string(row)?,
        variant.to_string(),
        serde_json::to_string(setting)?,
        serde_json::to_string(&plan.expected(row, variant, setting))?,
        selection.quick.to_string(),
    ];
    if variant == Variant::Patched {
        for series in workshop.all_series {
            inputs.push(series.digest()?);
        }
    }
    if let (Work::Suite(_), Some(suites)) = (&row.work, &plan.suites) {
        for file in ["toml", "linux"] {
            let path = suites.join(format!("{}.{file}", row.krate));
            inputs.push(std::fs::read_to_string(path).unwrap_or_default());
        }
    }
    if let (Work::Serve(_), Some(servers)) = (&row.work, &plan.servers) {
        inputs.push(kept::digest(servers, &[])?);
    }
    if let (false, Some(plugs)) = (setting.plugs.is_empty(), &plan.plugs) {
        inputs.push(kept::digest(plugs, &[])?);
    }
    if let (Work::Guest(work), Some(guests)) = (&row.work, &plan.guests) {
        // A change to one guest does not concern the others.
        let others: Vec<&str> = plan
            .rows
            .iter()
            .filter_map(|row| match &row.work {
                Work::Guest(other) if other.guest != work.guest => Some(other.guest.as_str()),
                _ => None,
            })
            .chain(["rows.toml"])
            .collect();
        inputs.push(kept::digest(guests, &others)?);
    }
    Ok(inputs)
}

/// Does a cell's work.
fn find(row: &Row, variant: Variant, setting: &Setting, workshop: &mut Workshop) -> Result<Found> {
    let missing = |needs| needs::missing(needs, workshop.home);
    if let Some(reason) = setting.needs.as_ref().and_then(missing) {
        return Ok(Found::not_run(reason));
    }
    if let Some(reason) = hosts::of(setting.host).missing(workshop.home, workshop.console) {
        return Ok(Found::not_run(reason));
    }
    match &row.work {
        Work::Guest(work) => guest_cell::run(work, variant, setting, workshop),
        Work::Serve(work) => serve_cell::run(work, variant, setting, workshop),
        Work::Suite(work) => suite_cell::run(row, work, variant, setting, workshop),
        Work::Build(work) => build_cell::run(row, work, variant, setting, workshop),
    }
}

/// The cell that this was found out about.
fn cell(
    plan: &Plan,
    row: &Row,
    variant: Variant,
    setting: &Setting,
    found: Found,
    seconds: f64,
) -> Cell {
    let expected = plan.expected(row, variant, setting);
    let full = name(&row.name, variant, &setting.name);
    let seconds = match found.outcome {
        Outcome::NotRun => 0.0,
        _ => (seconds * 100.0).round() / 100.0,
    };
    let reason = match found.outcome {
        Outcome::Passes => None,
        outcome if outcome == expected.outcome => Some(expected.reason),
        _ => None,
    };
    Cell {
        row: row.name.clone(),
        variant,
        setting: setting.name.clone(),
        outcome: found.outcome,
        expected: expected.outcome,
        reason: found.reason.or(reason),
        error: found.error,
        counts: found.counts,
        command: Process::new("cargo")
            .args(["wasip2", "matrix", "--fresh", "--only", &full])
            .line(),
        steps: found.steps,
        seconds,
    }
}

/// Says what became of a cell.
fn tell(cell: &Cell, again: bool, console: &Console) {
    let mut line = format!("{}: {}", cell.name(), cell.outcome);
    if let Some(counts) = cell.counts {
        line.push_str(&match counts.of {
            Some(of) => format!(" ({} of {of})", counts.passed),
            None => format!(" ({} checks)", counts.passed),
        });
    }
    if cell.outcome == Outcome::NotRun {
        console.detail(
            "Left",
            format!("{line}: {}", cell.reason.as_deref().unwrap_or_default()),
        );
        return;
    }
    if again {
        line.push_str(", as before");
    } else {
        line.push_str(&format!(", {:.1} s", cell.seconds));
    }
    if cell.as_expected() {
        console.status(if again { "Kept" } else { "Ran" }, line);
    } else {
        console.error(format!(
            "{line}; expected: {}{}",
            cell.expected,
            cell.error
                .as_deref()
                .map_or(String::new(), |error| format!("\n  {error}"))
        ));
    }
}
