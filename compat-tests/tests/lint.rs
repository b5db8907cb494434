//! `cargo wasip2 lint`, with sound and faulty patches.

use std::fs;

use crate::sample::{Sample, patch};
use crate::tool::{Tool, assert_says};

#[test]
fn the_repositorys_patches_have_no_fault() {
    let json = Tool::new("lint").arg("--json").run().succeeded();
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    let patches = report["patches"].as_array().unwrap();
    assert!(patches.iter().any(|patch| {
        patch["patch"]
            .as_str()
            .unwrap()
            .starts_with("0001-net-don-t-claim")
    }));
    assert!(report["median_touched"].as_u64().unwrap() < 40);
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
