//! `cargo wasip2 lint`, with sound and faulty patches.

use std::fs;
use std::process::Command;

use crate::sample::{Sample, patch};
use crate::tool::{Ended, Tool, assert_says, component, repository_home};

#[test]
fn the_repositorys_patches_have_no_fault() {
    let json = Tool::new("lint").arg("--json").run().succeeded();
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    let patches = report["patches"].as_array().unwrap();
    assert!(patches.iter().any(|patch| {
        patch["patch"]
            .as_str()
            .unwrap()
            .starts_with("0001-rt-run-blocking")
    }));
    assert!(report["median_touched"].as_u64().unwrap() < 40);
}

#[test]
fn clippy_finds_nothing_in_what_becomes_a_component() {
    // Stages both workspaces, and with them the shims.
    component("run", "demo", &[]);
    component("serve", "hello", &[]);
    let home = repository_home();
    let overrides = home.join("guests/.cargo/config.toml");
    for (place, arguments) in [
        ("guests", &["--workspace", "--all-targets"][..]),
        ("servers", &["--workspace"]),
        ("shims/wasi-hyper", &["--features", "tokio"]),
        ("shims/wasi-pollable-fd", &["--all-targets"]),
    ] {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        command
            .args(["clippy", "--target", "wasm32-wasip2"])
            .args(arguments)
            .current_dir(home.join(place))
            .env("CARGO_TARGET_DIR", home.join("clippy"));
        if place.starts_with("shims") {
            command.arg("--config").arg(&overrides);
        }
        let output = command.args(["--", "-D", "warnings"]).output().unwrap();
        Ended::from(output).succeeded();
    }
}

#[test]
fn a_fault_is_named_by_patch_and_line() {
    let sample = Sample::new();
    let text = patch("src/lib.rs", 10, "    \"released\"", "    \"patched\" ")
        .replace("Inappropriate [a sample]", "Sometime");
    fs::write(sample.series().join("0001-say-patched.patch"), text).unwrap();
    let said = sample.tool("lint").arg("sample").run().failed(1);
    assert_says(
        &said,
        &[
            "error: sample v1.2.0 0001-say-patched.patch: `Upstream-Status: Sometime` is none of",
            "its message has no body",
            "adds trailing whitespace",
        ],
    );
}

#[test]
fn a_series_that_is_no_series_is_an_error() {
    let sample = Sample::new();
    let series = sample.series();
    fs::rename(
        series.join("0001-say-patched.patch"),
        series.join("0002-say-patched.patch"),
    )
    .unwrap();
    let said = sample.tool("lint").run().failed(1);
    assert_says(&said, &["has no patch 0001"]);

    fs::rename(
        series.join("0002-say-patched.patch"),
        series.join("say-patched.patch"),
    )
    .unwrap();
    let said = sample.tool("lint").run().failed(1);
    assert_says(&said, &["does not begin with a number of four digits"]);
}

#[test]
fn a_step_that_does_not_compile_is_named() {
    let sample = Sample::new();
    let series = sample.series();
    let wrong = patch("src/lib.rs", 5, "    number + 1", "    wrong + 1");
    let right = patch("src/lib.rs", 5, "    wrong + 1", "  1 + number");
    let message = "Upstream-Status: Inappropriate a sample";
    let sound = |text: String| {
        text.replace(
            "Upstream-Status: Inappropriate [a sample]",
            &format!("A sample has no reason.\n\n{message}"),
        )
    };
    let first = patch("src/lib.rs", 10, "    \"released\"", "    \"patched\"");
    fs::write(series.join("0001-say-patched.patch"), sound(first)).unwrap();
    sample.tool("lint").arg("--compile").run().succeeded();
    // The second step is wrong, and what puts it right is not formatted.
    fs::write(series.join("0002-wrong.patch"), sound(wrong)).unwrap();
    fs::write(series.join("0003-right.patch"), sound(right)).unwrap();
    sample.tool("lint").run().succeeded();
    let said = sample.tool("lint").arg("--compile").run().failed(1);
    assert_says(
        &said,
        &[
            "error: sample v1.2.0 0002-wrong.patch: the series up to it does not compile for this \
             machine",
            "cannot find value `wrong`",
            "does not compile for wasm32-wasip2",
            "error: sample v1.2.0 0002-wrong.patch: its own branch, with nothing but what it \
             depends on (`needs` in series.toml), does not compile",
            "error: sample v1.2.0: rustfmt would change src/lib.rs",
            "3 patches, 5 faults",
        ],
    );
}
