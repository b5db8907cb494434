//! The command as a user has it: what it offers, and what it says of verbs that
//! are for a checkout.

use std::process::{Command, Output};

fn tool(words: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_cargo-wasip2"))
        .arg("wasip2")
        .args(words)
        .env("CARGO_WASIP2_HOME", home.path())
        .env_remove("CARGO_WASIP2_SOURCE")
        .output()
        .unwrap()
}

#[test]
fn the_help_names_every_verb() {
    let output = tool(&["--help"]);
    let said = String::from_utf8(output.stdout).unwrap();
    for verb in [
        "setup", "doctor", "apply", "init", "run", "host", "serve", "preinit", "test", "suite",
        "matrix", "bench", "branch", "bump", "lint",
    ] {
        let line = |line: &&str| line.trim_start().starts_with(&format!("{verb} "));
        assert!(
            said.lines().any(|one| line(&one)),
            "{verb} is not in:\n{said}"
        );
    }
}

#[test]
fn a_verb_of_a_checkout_says_where_it_is_run() {
    for (verb, instead) in [("matrix", "there"), ("test", "cargo test --target")] {
        let output = tool(&[verb, "--quick"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains(&format!("`{verb}` is a verb of a checkout")),
            "{said}"
        );
        assert!(said.contains(instead), "{said}");
    }
}

#[test]
fn what_follows_a_verb_of_the_laboratory_is_handed_over_as_it_is() {
    let repository = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    // In the place of cargo, to see what would be run.
    let output = Command::new(env!("CARGO_BIN_EXE_cargo-wasip2"))
        .args([
            "wasip2",
            "-q",
            "test",
            "--offline",
            "--",
            "--test",
            "compat",
            "--",
            "one",
        ])
        .env("CARGO", "echo")
        .env("CARGO_WASIP2_SOURCE", repository)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let end = "-- --quiet test --offline -- --test compat -- one\n";
    assert!(said.ends_with(end), "{said}");
}

#[test]
fn a_verb_that_is_mistyped_is_suggested() {
    let output = tool(&["matrxi"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("'matrix'"), "{said}");
}
