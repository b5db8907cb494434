//! What is shown: in a terminal or a CI summary, as Markdown; to people, as a
//! page. Nothing here builds or runs.

pub mod markdown;
pub mod page;

#[cfg(test)]
mod tests {
    use roxmltree::{Document, ParsingOptions};
    use serde_json::{Value, json};

    use super::*;
    use crate::matrix::results::Results;

    /// What somebody could say who wants a report to say something else.
    const HOSTILE: &str =
        "`a` | b\n| c | <img src=x onerror=d> \"e\" '&f; [g](h) *i*\u{1b}[31m\u{ffff}";

    fn results() -> Value {
        let cell = |variant: &str, outcome: &str| {
            json!({
                "row": "row", "variant": variant, "setting": "async", "outcome": outcome,
                "expected": "passes", "reason": "why", "error": "what",
                "counts": { "passed": 1, "of": 2 }, "command": "again", "steps": ["step"],
                "seconds": 1.5,
            })
        };
        json!({
            "format": 1,
            "made-with": {
                "tool": "1", "rustc": "rustc", "os": "linux", "architecture": "x", "libc": "libc",
                "series": [{ "crate": "sample", "version": "1", "patches": 1, "digest": "d" }],
            },
            "plan": "plan", "quick": false, "only": ["row"], "shard": "1/2",
            "settings": [{ "name": "async", "about": "about" }],
            "rows": [{
                "name": "row", "kind": "run", "crate": "sample", "version": "1",
                "features": "default", "position": 0,
            }],
            "cells": [cell("upstream", "fails"), cell("patched", "passes")],
            "seconds": 3.0,
        })
    }

    /// The elements of the page and the lines of the Markdown, without the text
    /// that is in them.
    fn shape(results: &Results) -> (Vec<String>, Vec<usize>) {
        let options = ParsingOptions {
            allow_dtd: true,
            ..ParsingOptions::default()
        };
        let page = page::of(results);
        let document = Document::parse_with_options(&page, options)
            .unwrap_or_else(|error| panic!("the page is not well-formed: {error}"));
        let elements = document.descendants().filter(|node| node.is_element());
        let names = elements.map(|node| node.tag_name().name().to_owned());
        let markdown = markdown::of(results);
        // What has a backslash before it, or is between backquotes, is text.
        let columns = |line: &str| {
            let mut marks = 0;
            let mut letters = line.chars();
            while let Some(letter) = letters.next() {
                match letter {
                    '\\' => drop(letters.next()),
                    '|' | '<' | '`' => marks += 1,
                    _ => {}
                }
            }
            marks
        };
        (names.collect(), markdown.lines().map(columns).collect())
    }

    /// Each text in there, one after the other, says what is hostile.
    fn poisoned(value: &Value, all: &mut Vec<Value>, whole: &dyn Fn(Value) -> Value) {
        match value {
            Value::String(text) => {
                all.push(whole(Value::String(format!("{text}{HOSTILE}"))));
            }
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    poisoned(item, all, &|inner| {
                        let mut items = items.clone();
                        items[at] = inner;
                        whole(Value::Array(items))
                    });
                }
            }
            Value::Object(fields) => {
                for (name, field) in fields {
                    poisoned(field, all, &|inner| {
                        let mut fields = fields.clone();
                        fields[name] = inner;
                        whole(Value::Object(fields))
                    });
                }
            }
            _ => {}
        }
    }

    #[test]
    fn nothing_in_the_results_has_a_meaning_in_a_report() {
        let clean: Results = serde_json::from_value(results()).unwrap();
        let wanted = shape(&clean);
        let mut all = Vec::new();
        poisoned(&results(), &mut all, &|value| value);
        // A word of a few, such as an outcome, can be no other.
        let all: Vec<Results> = all
            .into_iter()
            .filter_map(|value| serde_json::from_value(value).ok())
            .collect();
        assert!(all.len() > 20, "{}", all.len());
        for mut results in all {
            // A row has cells by its name.
            let renamed = results.rows[0].name.clone();
            if renamed != "row" {
                for cell in &mut results.cells {
                    cell.row.clone_from(&renamed);
                }
            }
            if results.cells.iter().all(|cell| cell.row == renamed) {
                assert_eq!(shape(&results), wanted, "{results:#?}");
            }
        }
    }
}
