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
            .contains("-rt-run-blocking-tasks")
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
        ("shims/wasi-cooperative-threads", &["--all-targets"]),
        ("shims/wasi-waitable", &["--all-targets"]),
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
            "error: sample v1.2.0 0001-say-patched.patch: `Upstream-Status: Sometime` is not one of",
            "its message has no body",
            "adds trailing whitespace",
        ],
    );
}

#[test]
fn a_patch_that_needs_another_crates_patches_asks_for_their_release() {
    let sample = Sample::new();
    let series = sample.series().join("series.toml");
    let text = fs::read_to_string(&series).unwrap();
    let needs = |name: &str| {
        let note = format!("\n[patch.0001]\nneeds-crates = [\"{name}\"]\n");
        fs::write(&series, text.clone() + &note).unwrap();
        sample.tool("lint").arg("sample").run()
    };
    let said = needs("missing").failed(1);
    assert_says(&said, &["it needs patches of missing", "has no series"]);
    let said = needs("sample").failed(1);
    assert_says(&said, &["has Cargo.toml ask for sample 1.2.0"]);
}

#[test]
fn a_patch_that_two_lines_keep_is_a_fault() {
    let sample = Sample::new();
    sample.second_line();
    let patch = |line: &str| {
        sample
            .path("patches/sample")
            .join(line)
            .join("0001-say-patched.patch")
    };
    let said = sample.tool("lint").run();
    assert!(!said.stderr.contains("the same lines"), "{}", said.stderr);

    fs::copy(patch("2.1"), patch("1.2")).unwrap();
    let said = sample.tool("lint").run().failed(1);
    assert_says(
        &said,
        &[
            "error: sample v1.2.0 0001-say-patched.patch: it changes the same lines as \
             0001-say-patched.patch of sample v2.1.0",
            "same-as = \"2.1/0001\"",
        ],
    );

    fs::remove_file(patch("1.2")).unwrap();
    let file = sample.series().join("series.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        format!("{text}[patch.0001]\nsame-as = \"2.1/0001\"\n"),
    )
    .unwrap();
    let said = sample.tool("lint").run();
    assert!(!said.stderr.contains("the same lines"), "{}", said.stderr);
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

#[test]
fn a_manifest_that_admits_a_version_which_is_too_old_is_a_fault() {
    let sample = Sample::new();
    sample.publish_library("other", "1.0.0", "", "//! Adds nothing yet.\n");
    sample.publish("other", "1.1.0", "");
    let lint = |admitted: &str| {
        let text = patch("src/lib.rs", 5, "    number + 1", "    other::add(number)").replace(
            "Upstream-Status: Inappropriate [a sample]",
            "Others can add.\n\nUpstream-Status: Inappropriate a sample",
        );
        let manifest = format!(
            "diff --git a/Cargo.toml b/Cargo.toml\n--- a/Cargo.toml\n+++ b/Cargo.toml\n@@ -6,2 \
             +6,5 @@\n license = \"MIT\"\n+\n+[dependencies]\n+other = {admitted:?}\n \n"
        );
        let path = sample.series().join("0001-say-patched.patch");
        fs::write(path, text + &manifest).unwrap();
        sample.tool("lint").arg("--compile").run()
    };
    let said = lint("1").failed(1);
    assert_says(
        &said,
        &[
            "error: sample v1.2.0 for wasm32-wasip2: with the lowest versions that its manifest \
             admits it does not compile",
            "cannot find function `add` in crate `other`",
            "1 patches, 2 faults",
        ],
    );
    lint("1.1").succeeded();
}

#[test]
#[ignore = "builds cargo-semver-checks, which takes minutes"]
fn the_public_interface_loses_only_what_has_an_exception_with_a_reason() {
    // Has cargo-semver-checks built where it is missing.
    let series = "tempfile";
    let home = repository_home();
    Tool::new("lint").args([series, "--api"]).run().succeeded();
    let sample = Sample::new();
    std::os::unix::fs::symlink(home.join("tools"), sample.path("home/tools")).unwrap();

    // Gone on WASI alone.
    let gone = "#[cfg(not(target_os = \"wasi\"))] /// Adds one.";
    let text = patch("src/lib.rs", 3, "/// Adds one.", gone).replace(
        "Upstream-Status: Inappropriate [a sample]",
        "A sample has no reason.\n\nUpstream-Status: Inappropriate a sample",
    );
    fs::write(sample.series().join("0001-say-patched.patch"), text).unwrap();
    let toml = sample.series().join("series.toml");
    let without = fs::read_to_string(&toml).unwrap();
    let lint = |exception: &str| {
        fs::write(&toml, format!("{without}\n{exception}")).unwrap();
        sample.tool("lint").arg("--api").run()
    };
    let on_wasi = |lost: &str, reason: &str| {
        format!("[[lint.api-exception]]\ntarget = \"wasm32-wasip2\"\nlost = [{lost:?}]\n{reason}\n")
    };
    let reason = "reason = \"a sample adds nothing there\"";
    let named = "function_missing: function sample::add";

    let said = lint("").failed(1);
    let lost = format!(
        "error: sample v1.2.0 for wasm32-wasip2: the public interface did not only grow; it lost\n  \
         {named} (src/lib.rs:4)"
    );
    assert_says(&said, &[&lost, "1 patches, 1 faults"]);

    // Named in full, or by a pattern.
    for lost in [named, "function_missing: function sample::a*"] {
        let ended = lint(&on_wasi(lost, reason));
        let shown = format!(
            "Excused sample v1.2.0 for wasm32-wasip2: a sample adds nothing there\n  {named} \
             (src/lib.rs:4)"
        );
        assert_says(&ended.stderr, &[&shown, "1 patches, 0 faults"]);
        ended.succeeded();
    }

    // It excuses nothing else, and no other target.
    let other = "function_missing: function sample::other";
    let said = lint(&on_wasi(other, reason)).failed(1);
    let idle = format!(
        "error: sample v1.2.0 for wasm32-wasip2: the exception for `{other}` excuses nothing"
    );
    assert_says(&said, &[&lost, &idle, "1 patches, 2 faults"]);
    let natively = on_wasi(named, reason).replace("wasm32-wasip2", "native");
    let said = lint(&natively).failed(1);
    let idle = format!(
        "error: sample v1.2.0 for this machine: the exception for `{named}` excuses nothing"
    );
    assert_says(&said, &[&lost, &idle, "1 patches, 2 faults"]);
}

#[test]
fn an_exception_of_the_public_interface_needs_a_reason() {
    let sample = Sample::new();
    let toml = sample.series().join("series.toml");
    let without = fs::read_to_string(&toml).unwrap();
    let lint = |exception: &str| {
        fs::write(
            &toml,
            format!("{without}\n[[lint.api-exception]]\n{exception}\n"),
        )
        .unwrap();
        sample.tool("lint").run().failed(1)
    };
    let named = "target = \"native\"\nlost = [\"function_missing: function sample::add\"]";
    for reason in ["", "reason = \" \""] {
        let said = lint(&format!("{named}\n{reason}"));
        let why =
            "series.toml does not say why `function_missing: function sample::add` may be lost";
        assert_says(&said, &[why]);
    }
    let said = lint("target = \"native\"\nlost = []\nreason = \"a sample\"");
    assert_says(&said, &["`lost` is empty"]);
}
