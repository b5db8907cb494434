//! The summary in Markdown.

use std::fmt::Write;

use crate::matrix::cell::{Cell, Outcome, Variant};
use crate::matrix::results::Results;
use crate::page::markdown::plain;

/// The summary.
pub fn of(results: &Results) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "# What runs, upstream beside patched\n");
    for variant in Variant::ALL {
        let counts: Vec<String> = results
            .counts(variant)
            .into_iter()
            .map(|(outcome, count)| format!("{count} {outcome}"))
            .collect();
        let _ = writeln!(text, "- {variant}: {}", counts.join(", "));
    }
    text.push('\n');
    surprises(results, &mut text);
    table(results, &mut text);
    text
}

fn surprises(results: &Results, text: &mut String) {
    let surprises: Vec<&Cell> = results.surprises().collect();
    if surprises.is_empty() {
        let _ = writeln!(text, "Every cell that was run is as expected.\n");
        return;
    }
    let _ = writeln!(text, "**Not as expected: {}**\n", surprises.len());
    for cell in surprises {
        let _ = writeln!(
            text,
            "- {}: {} (expected: {}): {}",
            plain(&cell.name()),
            cell.outcome,
            cell.expected,
            plain(cell.error.as_deref().unwrap_or("-"))
        );
    }
    text.push('\n');
}

fn table(results: &Results, text: &mut String) {
    let _ = writeln!(
        text,
        "| row | crate | features | kind | upstream | patched |"
    );
    let _ = writeln!(text, "|---|---|---|---|---|---|");
    for row in &results.rows {
        let cells: Vec<&Cell> = results
            .of_row(row)
            .filter(|cell| cell.outcome != Outcome::NotRun)
            .collect();
        if cells.is_empty() {
            continue;
        }
        let of = |variant: Variant| {
            let shown: Vec<String> = cells
                .iter()
                .filter(|cell| cell.variant == variant)
                .map(|cell| format!("{}: {}", plain(&cell.setting), shown(cell)))
                .collect();
            shown.join("<br>")
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} |",
            plain(&row.name),
            match &row.version {
                Some(version) => plain(&format!("{} {version}", row.krate)),
                None => plain(&row.krate),
            },
            plain(&row.features),
            row.kind,
            of(Variant::Upstream),
            of(Variant::Patched)
        );
    }
}

/// What became of a cell, in a few words.
fn shown(cell: &Cell) -> String {
    let mut text = format!("{} {}", cell.outcome.sign(), cell.outcome);
    if let Some(counts) = cell.counts {
        text.push_str(&match counts.of {
            Some(of) => format!(" {} of {of}", counts.passed),
            None => format!(" {}", counts.passed),
        });
    }
    text
}
