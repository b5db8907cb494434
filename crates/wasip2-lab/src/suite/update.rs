//! Writes what happened into a suite's file. What the file says otherwise, its
//! comments too, stays as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result};
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, value};

use super::definition::{Definition, Way};
use super::outcome::Outcome;
use super::report::Report;
use crate::notation::fits;
use wasip2_ground::files::write_whole;
use wasip2_ground::{Console, Wasi};
use wasip2_host::Mode;
use wasip2_toolchain::Panic;

/// Takes out what is no longer so, and enters what is new, without a reason:
/// whoever runs this has to give it. What is so only where panics unwind, or
/// only on WASI 0.3, leaves what is expected otherwise as it was.
pub fn expectations(definition: &Definition, report: &Report, console: &Console) -> Result<()> {
    let surprises: BTreeMap<&str, _> = report
        .verdicts
        .surprises()
        .map(|test| (test.name, test))
        .collect();
    change(definition, |document| {
        let expect = document
            .entry("expect")
            .or_insert(Item::ArrayOfTables(ArrayOfTables::new()))
            .as_array_of_tables_mut()
            .context("`expect` is not a list of tables")?;
        // Patterns that fit a surprise are spelled out without it.
        let as_expected: Vec<(&str, &str)> = report
            .verdicts
            .tests
            .iter()
            .filter(|test| test.expected())
            .filter_map(|test| Some((test.name, test.reason?)))
            .collect();
        let Way { panic, wasi, .. } = definition.way;
        let mut spelled = BTreeSet::new();
        let mut others = Vec::new();
        for table in expect.iter_mut() {
            if table.get("mode").and_then(Item::as_str) == Some(Mode::Sync.word()) {
                continue;
            }
            let only = |key| table.get(key).and_then(Item::as_str);
            let elsewhere = |key, own| only(key).is_some_and(|only| only != own);
            if elsewhere("panic", name(panic)) || elsewhere("wasi", wasi.word()) {
                continue;
            }
            // Where else than here it holds.
            let mut kept = Vec::new();
            let both = panic == Panic::Unwind && only("panic").is_none();
            if both {
                kept.push(vec![("panic", name(Panic::Abort))]);
            }
            if wasi == Wasi::P3 && only("wasi").is_none() {
                let mut keys = vec![("wasi", Wasi::P2.word())];
                keys.extend(both.then_some(("panic", name(Panic::Unwind))));
                kept.push(keys);
            }
            let reason = table
                .get("reason")
                .and_then(Item::as_str)
                .map(str::to_owned);
            // What holds elsewhere alone, from now on.
            let other = table.clone();
            let mut without = Array::new();
            let Some(tests) = table.get_mut("tests").and_then(Item::as_array_mut) else {
                continue;
            };
            let mut added = BTreeSet::new();
            tests.retain(|item| {
                let Some(pattern) = item.as_str() else {
                    return true;
                };
                if report.verdicts.stale.contains(&pattern) {
                    return false;
                }
                if !surprises.keys().any(|test| fits(pattern, test)) {
                    return true;
                }
                added.extend(
                    as_expected
                        .iter()
                        .filter(|(test, why)| {
                            fits(pattern, test) && Some(*why) == reason.as_deref()
                        })
                        .map(|(test, _)| *test),
                );
                push(&mut without, pattern);
                false
            });
            for test in added {
                if spelled.insert(test) {
                    push(tests, test);
                }
            }
            for keys in kept.into_iter().filter(|_| !without.is_empty()) {
                let mut without = without.clone();
                without.set_trailing("\n");
                without.set_trailing_comma(true);
                let mut other = other.clone();
                other.insert("tests", value(without));
                for (key, word) in keys {
                    other.insert(key, value(word));
                }
                other.set_position(None);
                others.push(other);
            }
        }
        expect.extend(others);
        expect.retain(|table| {
            table
                .get("tests")
                .and_then(Item::as_array)
                .is_none_or(|tests| !tests.is_empty())
        });

        let mut new: BTreeMap<(Outcome, &str), Vec<&str>> = BTreeMap::new();
        for test in surprises.values() {
            if test.outcome != Outcome::Passes {
                let key = (test.outcome, test.message.unwrap_or_default());
                new.entry(key).or_default().push(test.name);
            }
        }
        for ((outcome, message), names) in new {
            let mut table = Table::new();
            if !message.is_empty() {
                table
                    .decor_mut()
                    .set_prefix(format!("\n# {}\n", message.replace('\n', " ")));
            }
            table.insert("outcome", value(outcome.to_string()));
            table.insert("reason", value(""));
            if panic == Panic::Unwind {
                table.insert("panic", value(name(panic)));
            }
            if wasi == Wasi::P3 {
                table.insert("wasi", value(wasi.word()));
            }
            let mut tests = Array::new();
            for name in names {
                push(&mut tests, name);
            }
            tests.set_trailing("\n");
            tests.set_trailing_comma(true);
            table.insert("tests", value(tests));
            expect.push(table);
        }
        Ok(())
    })?;
    console.status(
        "Wrote",
        format!(
            "{}: {} tests changed; give a reason wherever it is empty",
            definition.path.display(),
            surprises.len()
        ),
    );
    Ok(())
}

/// Enters how many tests pass without the series.
pub fn upstream(definition: &Definition, report: &Report, console: &Console) -> Result<()> {
    let passes = report.verdicts.count(true, Outcome::Passes);
    change(definition, |document| {
        document["upstream-passes"] = value(i64::try_from(passes)?);
        Ok(())
    })?;
    console.status(
        "Wrote",
        format!("{}: upstream passes {passes}", definition.path.display()),
    );
    Ok(())
}

fn change(
    definition: &Definition,
    make: impl FnOnce(&mut DocumentMut) -> Result<()>,
) -> Result<()> {
    let text = fs::read_to_string(&definition.path)?;
    let mut document: DocumentMut = text.parse()?;
    make(&mut document)?;
    write_whole(&definition.path, document.to_string().as_bytes())
}

/// As it stands in the file.
fn name(panic: Panic) -> &'static str {
    match panic {
        Panic::Abort => "abort",
        Panic::Unwind => "unwind",
    }
}

/// Adds a test to a list, on a line of its own.
fn push(tests: &mut Array, name: &str) {
    let mut name = toml_edit::Value::from(name);
    name.decor_mut().set_prefix("\n    ");
    tests.push_formatted(name);
}
