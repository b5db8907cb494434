//! The table on the terminal.

use super::figures::{mebibytes, number, spread};
use crate::bench::cases::Compare;
use crate::bench::results::{CaseResults, Measured, Outcome, Results, Size};

/// The heads of the columns after the variant's name.
const HEADS: [&str; 10] = [
    "× native",
    "a second",
    "p50 µs",
    "p90 µs",
    "p99 µs",
    "beside",
    "polls",
    "blocks",
    "CPU µs",
    "MiB",
];

/// A case, a row for each variant at each value.
pub fn of(case: &CaseResults) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut failures = Vec::new();
    let mut head = vec![case.axis.to_owned(), "variant".to_owned()];
    head.extend(HEADS.map(str::to_owned));
    rows.push(head);
    for point in &case.points {
        let mut value = point.value.to_string();
        for one in &point.outcomes {
            let mut row = vec![std::mem::take(&mut value), one.variant.to_owned()];
            match &one.outcome {
                Outcome::Measured(measured) => row.extend(cells(measured)),
                Outcome::Failed { reason } => {
                    row.push("failed".to_owned());
                    failures.push(format!("{} at {}: {reason}", one.variant, point.value));
                }
                // The page tells of it; here it would only be in the way.
                Outcome::Absent => {
                    value = std::mem::take(&mut row[0]);
                    continue;
                }
            }
            rows.push(row);
        }
    }
    let mut text = format!("\n{}: {}\n", case.name, case.title);
    if case.compare == Compare::Latency {
        text.push_str("  (× native: native's median latency by this one's)\n");
    }
    text.push_str(&aligned(&rows));
    for failure in failures {
        text.push_str(&format!("  failed: {failure}\n"));
    }
    text
}

/// What a measured variant has under [`HEADS`].
pub fn cells(measured: &Measured) -> [String; 10] {
    let maybe = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), number);
    [
        measured.to_native.map_or_else(|| "-".to_owned(), spread),
        spread(measured.rate),
        number(measured.p50_us.median),
        number(measured.p90_us.median),
        number(measured.p99_us.median),
        maybe(measured.beside.map(|beside| beside.median)),
        maybe(measured.polls.map(|polls| polls.median)),
        maybe(measured.blocks.map(|blocks| blocks.median)),
        maybe(measured.cpu_us.map(|cpu| cpu.median)),
        maybe(measured.memory.map(|memory| mebibytes(memory.median))),
    ]
}

/// The sizes of all programs.
pub fn sizes(results: &Results) -> String {
    let mut rows = vec![vec![
        "program".to_owned(),
        "variant".to_owned(),
        "MiB".to_owned(),
    ]];
    for (variant, programs) in &results.programs {
        for (program, size) in programs {
            let size = match size {
                Size::Bytes(bytes) => number(mebibytes(*bytes as f64)),
                Size::Failed(_) => "failed".to_owned(),
            };
            rows.push(vec![program.clone(), (*variant).to_owned(), size]);
        }
    }
    format!("\nsize of the programs\n{}", aligned(&rows))
}

/// Rows with their columns under each other; the second one is words.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            match column {
                1 => line.push_str(&format!("  {cell:<width$}")),
                _ => line.push_str(&format!("  {cell:>width$}")),
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
