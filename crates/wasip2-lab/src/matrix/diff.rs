//! What changed from one run to another.

use std::collections::BTreeMap;

use super::cell::{Cell, Outcome};
use super::results::Results;

/// What became of the cells that changed.
#[derive(Debug, Default)]
pub struct Difference {
    /// What no longer passes.
    pub worse: Vec<String>,
    pub better: Vec<String>,
    /// What fails in another way, or is run no longer or only now.
    pub other: Vec<String>,
}

/// Compares two runs.
pub fn of(old: &Results, new: &Results) -> Difference {
    let by_name = |results: &Results| -> BTreeMap<String, Cell> {
        let cells = results.cells.iter();
        cells.map(|cell| (cell.name(), cell.clone())).collect()
    };
    let (before, after) = (by_name(old), by_name(new));
    let mut difference = Difference::default();
    for (name, cell) in &after {
        let Some(was) = before.get(name) else {
            difference
                .other
                .push(format!("{name}: new, {}", shown(cell)));
            continue;
        };
        let fewer = match (was.counts, cell.counts) {
            (Some(was), Some(is)) => was.passed.cmp(&is.passed),
            _ => std::cmp::Ordering::Equal,
        };
        let line = format!("{name}: {} -> {}", shown(was), shown(cell));
        match (was.outcome, cell.outcome) {
            (one, other) if one == other => match fewer {
                std::cmp::Ordering::Greater => difference.worse.push(line),
                std::cmp::Ordering::Less => difference.better.push(line),
                std::cmp::Ordering::Equal => {}
            },
            (Outcome::NotRun, _) | (_, Outcome::NotRun) => difference.other.push(line),
            (Outcome::Passes, _) => difference.worse.push(line),
            (_, Outcome::Passes) => difference.better.push(line),
            _ => difference.other.push(line),
        }
    }
    for (name, cell) in &before {
        if !after.contains_key(name) {
            difference
                .other
                .push(format!("{name}: gone, was {}", shown(cell)));
        }
    }
    difference
}

impl Difference {
    /// As a person reads it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (title, lines) in [
            ("worse", &self.worse),
            ("better", &self.better),
            ("other", &self.other),
        ] {
            if !lines.is_empty() {
                text.push_str(&format!("{title}: {}\n", lines.len()));
                for line in lines {
                    text.push_str(&format!("  {line}\n"));
                }
            }
        }
        if text.is_empty() {
            text.push_str("no cell differs\n");
        }
        text
    }
}

fn shown(cell: &Cell) -> String {
    match (&cell.counts, &cell.error) {
        (Some(counts), _) => format!("{} ({})", cell.outcome, counts.passed),
        (None, Some(error)) if cell.outcome != Outcome::Passes => {
            let line = error.lines().next().unwrap_or_default();
            format!("{} ({line})", cell.outcome)
        }
        _ => cell.outcome.to_string(),
    }
}
