//! A short run of `cargo wasip2 faults`, with a seed of its own each time, and
//! whether it finds what is wrong.

use serde_json::Value;

use crate::tool::{Tool, assert_says};

/// Runs the verb; gives back what it says of each setting.
fn faults(arguments: &[&str]) -> Vec<Value> {
    let ended = Tool::new("faults").arg("--json").args(arguments).run();
    // The seed is in there.
    println!("{}", ended.stderr);
    let said = ended.succeeded();
    said.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn number(value: &Value, name: &str) -> u64 {
    value[name]
        .as_u64()
        .unwrap_or_else(|| panic!("no {name}: {value:#}"))
}

#[test]
fn broken_connections_break_nothing_else() {
    for (side, settings) in [("client", 2), ("server", 3)] {
        let outcomes = faults(&["--side", side, "--count", "320"]);
        assert_eq!(outcomes.len(), settings);
        for outcome in outcomes {
            // One in eight meets no fault, and more get through in spite of it.
            assert!(number(&outcome, "right") > 40, "{outcome:#}");
            assert_eq!(outcome["wrong"], Value::Array(Vec::new()));
            let failed = outcome["failed"].as_object().unwrap();
            assert!(failed.values().any(|failed| failed.as_u64() > Some(0)));
            let faults = outcome["faults"].as_object().unwrap();
            assert!(faults.len() > 10, "{outcome:#}");
            for what in ["descriptors", "resources"] {
                assert!(outcome[what]["after"].is_u64(), "{outcome:#}");
            }
        }
    }
}

#[test]
fn a_byte_that_nobody_sent_is_found() {
    let ended = Tool::new("faults")
        .args(["--lying", "--side", "client", "--engine", "sockets"])
        .args(["--seed", "3", "--count", "160"])
        .run();
    assert_says(&ended.stderr, &["byte 0 of", "is wrong", "--seed 3"]);
    ended.failed(1);
}
