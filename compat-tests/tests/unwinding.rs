//! Panics that unwind, with the standard library that
//! `cargo wasip2 setup --panic unwind` makes.

use std::fs;

use serde_json::Value;

use crate::tool::{Tool, assert_says};

/// On released Rust a panic takes the component down; with unwinding it costs
/// its own task alone.
#[test]
fn a_task_that_panics_does_not_take_the_component_down() {
    let run = || Tool::new("run").args(["--example", "panics"]);
    let said = run().run().failed(134);
    assert_says(&said, &["this task was told to panic"]);

    let ended = run().args(["--panic", "unwind"]).run();
    assert_says(&ended.stderr, &["this task was told to panic"]);
    assert_eq!(
        ended.succeeded(),
        "is_panic: true\n\
         why: this task was told to panic\n\
         beside it: undisturbed\n\
         a blocking job: true\n\
         of a thousand: 900 whole, 100 panics\n"
    );
}

/// Tests of tokio's: one that is not there without it, and one that expects a
/// panic.
#[test]
fn tests_that_need_a_panic_to_be_caught_run() {
    let directory = tempfile::TempDir::new().unwrap();
    let json = directory.path().join("report.json");
    Tool::new("suite")
        .args(["tokio", "--panic", "unwind", "--json"])
        .arg(&json)
        .args(["--", "task_abort::", "time_interval::"])
        .run()
        .succeeded();
    let report: Value = serde_json::from_str(&fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!(report["panic"], "unwind");
    let tests = report["tests"].as_array().unwrap();
    for name in [
        "task_abort::test_join_error_debug",
        "time_interval::interval_zero_duration",
    ] {
        let test = tests.iter().find(|test| test["name"] == name).unwrap();
        assert_eq!(test["outcome"], "passes", "{test}");
    }
}

#[test]
fn doctor_shows_the_library() {
    let said = Tool::new("doctor").run().stdout;
    assert_says(&said, &["unwinding std"]);
}
