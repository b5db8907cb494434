//! `cargo wasip2 survey`: what it finds, ranks and keeps.

use std::fs;

use crate::sample::Sample;
use crate::tool::{Tool, assert_says};

const LIST: &str = "chosen = \"by hand\"\n\n[[entry]]\nname = \"sample\"\nversion = \
                    \"1\"\n\n[[entry]]\nname = \"broken\"\n\n[[entry]]\nname = \"missing\"\n";

fn survey(sample: &Sample) -> Tool {
    sample
        .tool("survey")
        // No compiler is looked for.
        .env("CC_wasm32_wasip2", "true")
        .args(["--list".into(), sample.path("list.toml")])
        .args(["--out".into(), sample.path("out")])
}

#[test]
fn what_builds_is_counted_and_what_stops_the_rest_is_ranked() {
    let sample = Sample::new();
    sample.publish_broken("broken");
    fs::write(sample.path("list.toml"), LIST).unwrap();

    let said = survey(&sample).run();
    assert_says(
        &said.stdout,
        &[
            "crates, upstream: 1 of 2 build (50 %)",
            "crates, patched: 1 of 2 build (50 %)",
        ],
    );
    assert_says(
        &said.stderr,
        &[
            "sample 1.2.0/patched: builds",
            "broken 1.0.0/patched: does not build (broken 1.0.0)",
            "missing ?/patched: does not resolve",
        ],
    );
    said.succeeded();
    let page = fs::read_to_string(sample.path("out/survey.md")).unwrap();
    assert_says(
        &page,
        &[
            "by hand",
            "| broken | broken | 0 |",
            "| sample | 1.2.0 | builds | builds |",
        ],
    );

    // What was found is kept until a series changes that it follows from.
    let said = survey(&sample).run();
    assert!(!said.stderr.contains("Checked"), "{}", said.stderr);
    let patch = sample.series().join("0001-say-patched.patch");
    let text = fs::read_to_string(&patch).unwrap();
    fs::write(&patch, text.replace("\"patched\"", "\"patched again\"")).unwrap();
    let said = survey(&sample).run();
    assert_says(&said.stderr, &["Checked sample 1.2.0/patched"]);
    assert!(!said.stderr.contains("Checked broken"), "{}", said.stderr);

    // Parts make a whole.
    let json = sample.path("out/survey.json");
    let merged = sample
        .tool("survey")
        .args(["--list".into(), sample.path("list.toml")])
        .args(["--out".into(), sample.path("whole"), "--merge".into(), json])
        .run()
        .succeeded();
    assert_says(&merged, &["crates, patched: 1 of 2 build (50 %)"]);
}
