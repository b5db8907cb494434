//! The benchmark, as short as it can be and with nothing optimised: what it
//! shows is looked at, never how fast anything is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use roxmltree::{Document, Node, ParsingOptions};
use serde_json::Value;
use tempfile::TempDir;

use crate::browser;
use crate::tool::{Tool, assert_says, program, repository, repository_home};

/// The variants, in the order in which they are shown.
const VARIANTS: [&str; 17] = [
    "native",
    "patched",
    "poll-all",
    "sockets",
    "poll-host",
    "inside",
    "outside",
    "reused",
    "wasi-0.3",
    "executor-0.3",
    "composed-0.3",
    "upstream",
    "wstd",
    "bindings",
    "bindings-0.3",
    "uninterruptible",
    "interruptible",
];

/// Those that some cases alone have: about clients of HTTP, about what stands
/// behind a handler, about requests that share an instance, about another host,
/// about the limits of one, and about many sources.
const OF_SOME_CASES: [&str; 11] = [
    "bindings-0.3",
    "composed-0.3",
    "executor-0.3",
    "inside",
    "interruptible",
    "outside",
    "poll-all",
    "poll-host",
    "reused",
    "sockets",
    "uninterruptible",
];

/// `cargo wasip2 bench --quick` with the tool and programs as a development
/// build has them.
fn bench(out: &Path) -> Tool {
    Tool::new("bench")
        .args(["--quick", "--profile", "dev", "--out"])
        .arg(out)
}

/// One run for all tests that look at its results: between the two cases,
/// every variant has something to do.
fn quick() -> &'static Path {
    static OUT: OnceLock<PathBuf> = OnceLock::new();
    OUT.get_or_init(|| {
        let out = repository_home().join("bench/test");
        let _ = fs::remove_dir_all(&out);
        let shown = bench(&out)
            .args(["udp-echo/1", "spawn/1"])
            .run()
            .succeeded();
        assert_says(
            &shown,
            &["udp-echo: UDP echo of 64 bytes", "× native", "bindings"],
        );
        assert_says(&shown, &["size of the programs", "wstd-turns"]);
        assert!(!shown.contains("failed"), "{shown}");
        out
    })
}

/// The number at `path`, such as `rate/median`.
#[track_caller]
fn number(value: &Value, path: &str) -> f64 {
    let found = path.split('/').fold(value, |value, key| &value[key]);
    found
        .as_f64()
        .unwrap_or_else(|| panic!("no number {path} in {value:#}"))
}

#[test]
fn the_results_have_every_variant_and_plausible_numbers() {
    let text = fs::read_to_string(quick().join("bench.json")).unwrap();
    let results: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(results["format"], 1);
    assert_eq!(results["options"]["optimised"], false);
    assert_eq!(results["options"]["rounds"], 1);
    assert!(number(&results, "machine/cpus") >= 1.0);
    assert!(
        number(
            &results["programs"]["bindings"]["bindings-udp-echo"],
            "bytes"
        ) > 1000.0
    );

    let cases = results["cases"].as_array().unwrap();
    let absent = [("udp-echo", "wstd"), ("spawn", "bindings")];
    assert_eq!(cases.len(), 2);
    for (case, (name, cannot)) in cases.iter().zip(absent) {
        assert_eq!(case["name"], name);
        let [point] = case["points"].as_array().unwrap().as_slice() else {
            panic!("one point was asked for: {case:#}");
        };
        let outcomes = point["outcomes"].as_array().unwrap();
        let shown: Vec<&str> = outcomes
            .iter()
            .map(|one| one["variant"].as_str().unwrap())
            .collect();
        assert_eq!(shown, VARIANTS);
        for one in outcomes {
            let variant = one["variant"].as_str().unwrap();
            if variant == cannot || OF_SOME_CASES.contains(&variant) {
                assert_eq!(one["outcome"], "absent", "{one:#}");
                continue;
            }
            assert_eq!(one["outcome"], "measured", "{one:#}");
            let [sample] = one["samples"].as_array().unwrap().as_slice() else {
                panic!("one round was asked for: {one:#}");
            };
            assert!(number(sample, "operations") > 0.0);
            assert!(number(sample, "seconds") > 0.0);
            assert_eq!(number(sample, "rate"), number(one, "rate/median"));
            assert!(number(one, "p50_us/median") > 0.0);
            assert!(number(one, "p50_us/median") <= number(one, "p90_us/median"));
            assert!(number(one, "p90_us/median") <= number(one, "p99_us/median"));
            assert!(number(one, "to_native/median") > 0.0);
            if variant == "native" {
                assert_eq!(number(one, "to_native/median"), 1.0);
                assert_eq!(one["polls"], Value::Null);
            } else {
                // Whoever waits through 0.2 does so by one call or the other.
                let waits = number(one, "polls/median") + number(one, "blocks/median");
                match variant {
                    // What the program prints at its end, by the standard library.
                    "wasi-0.3" => assert!(waits < 0.01, "{one:#}"),
                    _ => assert!(waits > 0.0, "{one:#}"),
                }
            }
            if cfg!(target_os = "linux") {
                assert!(number(one, "memory/median") > 100_000.0);
            }
        }
    }
}

#[test]
fn a_round_trip_with_a_client_that_pauses_takes_one_poll() {
    let directory = TempDir::new().unwrap();
    bench(directory.path())
        .args(["tcp-echo/0", "--variants", "patched,upstream"])
        .run()
        .succeeded();
    let text = fs::read_to_string(directory.path().join("bench.json")).unwrap();
    let results: Value = serde_json::from_str(&text).unwrap();
    let outcomes = &results["cases"][0]["points"][0]["outcomes"];
    let polls = |variant: &str| {
        let mut outcomes = outcomes.as_array().unwrap().iter();
        let one = outcomes.find(|one| one["variant"] == variant).unwrap();
        number(one, "polls/median")
    };
    // The first few trips take two, until it shows that events are false.
    let patched = polls("patched");
    assert!((1.0..1.3).contains(&patched), "{patched}");
    let upstream = polls("upstream");
    assert!(upstream > 1.7, "{upstream}");
}

#[test]
fn messages_are_spread_over_connections_beside_those_that_never_pause() {
    let directory = TempDir::new().unwrap();
    bench(directory.path())
        .args(["spread-1000-beside/200", "--variants"])
        .arg("native,patched,poll-all")
        .run()
        .succeeded();
    let text = fs::read_to_string(directory.path().join("bench.json")).unwrap();
    let results: Value = serde_json::from_str(&text).unwrap();
    let outcomes = results["cases"][0]["points"][0]["outcomes"]
        .as_array()
        .unwrap();
    for one in outcomes {
        assert_eq!(one["outcome"], "measured", "{one:#}");
        // The load does not depend on who bears it.
        let sent = number(&one["samples"][0], "operations");
        assert!((120.0..280.0).contains(&sent), "{one:#}");
        assert!(number(one, "beside/median") > 0.0, "{one:#}");
    }
    let pollables = |one: &Value| number(&one["samples"][0], "pollables");
    // All connections are there, and all that is patched in has its flag.
    let (patched, all) = (pollables(&outcomes[1]), pollables(&outcomes[2]));
    assert!(all > 190.0, "{all}");
    assert!(patched < 0.8 * all, "{patched} of {all}");
}

#[test]
fn the_page_stands_by_itself_and_says_in_words_what_it_plots() {
    let text = fs::read_to_string(quick().join("bench.html")).unwrap();
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    let page = Document::parse_with_options(&text, options).unwrap();
    let named = |node: Node, name: &str| -> usize {
        node.descendants()
            .filter(|node| node.tag_name().name() == name)
            .count()
    };
    let root = page.root();
    for nothing in ["script", "link", "img", "iframe"] {
        assert_eq!(named(root, nothing), 0, "{nothing}");
    }
    assert!(!text.contains("url(") && !text.contains("@import"));
    assert_says(&text, &["no figure here means anything"]);

    for (case, measured) in [("udp-echo", 4), ("spawn", 4)] {
        let section = root
            .descendants()
            .find(|node| node.attribute("id") == Some(case))
            .unwrap();
        // A row for each variant, under the heads.
        assert_eq!(named(section, "tr"), 1 + VARIANTS.len());
        assert_says(
            section
                .descendants()
                .filter_map(|node| node.text())
                .collect::<String>()
                .as_str(),
            &["has no program for this"],
        );
        let plots: Vec<Node> = section
            .descendants()
            .filter(|node| node.tag_name().name() == "svg")
            .collect();
        assert_eq!(plots.len(), 2);
        for plot in plots {
            assert_eq!(plot.attribute("role"), Some("img"));
            let title = plot
                .children()
                .find(|node| node.tag_name().name() == "title")
                .unwrap();
            assert_eq!(title.attribute("id"), plot.attribute("aria-labelledby"));
            // Each has its name in the legend, and nothing hides outside.
            let labels: Vec<&str> = plot
                .descendants()
                .filter(|node| node.tag_name().name() == "text")
                .filter_map(|node| node.text().map(str::trim))
                .collect();
            let shown = labels
                .iter()
                .filter(|text| text.starts_with("native, ") || text.starts_with("component, "))
                .count();
            assert_eq!(shown, measured, "{labels:?}");
            for node in plot.descendants() {
                for name in ["x", "cx"] {
                    if let Some(x) = node.attribute(name) {
                        let x: f64 = x.parse().unwrap();
                        assert!((0.0..=760.0).contains(&x), "{name}={x}");
                    }
                }
            }
        }
    }
}

#[test]
fn handlers_are_measured_by_the_host_that_serves_them() {
    let out = TempDir::new().unwrap();
    let shown = bench(out.path())
        .args(["handler-hello/1", "handler-hello-preinit/1"])
        .args(["--variants", "patched,upstream,bindings"])
        .run()
        .succeeded();
    assert!(!shown.contains("failed"), "{shown}");
    let text = fs::read_to_string(out.path().join("bench.json")).unwrap();
    let results: Value = serde_json::from_str(&text).unwrap();
    for case in 0..2 {
        let outcomes = results["cases"][case]["points"][0]["outcomes"]
            .as_array()
            .unwrap();
        // The released crates cannot be one.
        assert_eq!(outcomes[1]["outcome"], "absent", "{:#}", outcomes[1]);
        for one in [&outcomes[0], &outcomes[2]] {
            assert_eq!(one["outcome"], "measured", "{one:#}");
            assert!(number(one, "rate/median") > 0.0);
            // A greeting is answered without any wait through the runtime.
            assert_eq!(number(one, "polls/median"), 0.0);
        }
    }
}

#[test]
fn handlers_that_share_an_instance_are_measured_beside_those_that_do_not() {
    let out = TempDir::new().unwrap();
    let all = "native,patched,reused,wasi-0.3,executor-0.3,composed-0.3,bindings-0.3";
    let shown = bench(out.path())
        .args(["shared-wait/16", "chain/1", "nesting-handler-0.3/2"])
        .args(["--variants", all])
        .run()
        .succeeded();
    assert!(!shown.contains("failed"), "{shown}");
    let text = fs::read_to_string(out.path().join("bench.json")).unwrap();
    let results: Value = serde_json::from_str(&text).unwrap();
    let outcomes = |case: usize| results["cases"][case]["points"][0]["outcomes"].clone();
    let waits = outcomes(0);
    for variant in [0, 1, 2, 3, 4, 6] {
        let one = &waits[variant];
        assert_eq!(one["outcome"], "measured", "{one:#}");
        // Nobody is answered before the time is over, which is no time of the CPU's.
        assert!(number(one, "p50_us/median") >= 10_000.0, "{one:#}");
        assert!(number(one, "cpu_us/median") >= 0.0, "{one:#}");
    }
    // It is told in ticks of 10 ms, which few requests in little time may not take.
    assert!(number(&waits[1], "cpu_us/median") > 0.0, "{:#}", waits[1]);
    let chain = outcomes(1);
    for (variant, outcome) in [(1, "measured"), (3, "measured"), (5, "measured")] {
        assert_eq!(chain[variant]["outcome"], outcome, "{chain:#}");
    }
    let program = "servers/hello+servers/gate*2";
    assert!(number(&results["programs"]["wasi-0.3"][program], "bytes") > 1000.0);
    let alone = outcomes(2);
    assert_eq!(alone[3]["outcome"], "measured", "{alone:#}");
}

#[test]
fn chains_are_measured_in_one_process_and_in_several_and_layers_by_their_number() {
    let out = TempDir::new().unwrap();
    let shown = bench(out.path())
        .args(["chain/1", "nesting-handler-reused/2", "nesting-poll-100/1"])
        .args(["--variants", "patched,inside,outside"])
        .run()
        .succeeded();
    assert!(!shown.contains("failed"), "{shown}");
    let text = fs::read_to_string(out.path().join("bench.json")).unwrap();
    let results: Value = serde_json::from_str(&text).unwrap();
    let outcomes = |case: usize| results["cases"][case]["points"][0]["outcomes"].clone();
    let chain = outcomes(0);
    for place in 0..3 {
        assert_eq!(chain[place]["outcome"], "measured", "{chain:#}");
    }
    // The first of the three sends the request on, and waits for the answer.
    assert_eq!(number(&chain[0], "polls/median"), 0.0);
    assert!(number(&chain[1], "polls/median") > 0.0, "{chain:#}");
    // Three processes have more memory than one.
    assert!(number(&chain[2], "memory/median") > number(&chain[1], "memory/median"));
    for (case, program) in [
        (1, "servers/hello+servers/guard*2"),
        (2, "bindings-poll+guests/scaled-clock*1"),
    ] {
        let layered = outcomes(case);
        assert_eq!(layered[0]["outcome"], "measured", "{layered:#}");
        assert_eq!(layered[1]["outcome"], "absent", "{layered:#}");
        assert!(number(&results["programs"]["patched"][program], "bytes") > 1000.0);
    }
    // A timer through a layer is polled as often as one without.
    let polls = number(&outcomes(2)[0], "polls/median");
    assert!((0.99..1.1).contains(&polls), "{polls}");
}

#[test]
#[ignore = "needs Chromium, which `cargo wasip2 setup` does not bring; CI has it"]
fn the_page_is_drawn_by_a_browser() {
    let directory = TempDir::new().unwrap();
    let picture = directory.path().join("page.png");
    let page = format!("file://{}", quick().join("bench.html").display());
    browser::picture(&page, "1100,1600", &picture);
    let size = fs::metadata(&picture).map_or(0, |picture| picture.len());
    assert!(size > 20_000, "the picture has {size} bytes");
}

#[test]
fn an_unknown_case_variant_or_value_is_named_with_what_there_is() {
    let out = TempDir::new().unwrap();
    let said = bench(out.path()).arg("axum").run().failed(1);
    assert_says(&said, &["there is no case `axum`", "axum-hello", "start"]);
    let said = bench(out.path()).arg("spawn/7").run().failed(1);
    assert_says(&said, &["`spawn` is not measured at `7`", "1, 100"]);
    let said = bench(out.path())
        .args(["--variants", "smol"])
        .run()
        .failed(1);
    assert_says(&said, &["there is no variant `smol`", "upstream"]);
    let said = bench(out.path()).args(["--seconds", "0"]).run().failed(2);
    assert_says(&said, &["--seconds"]);
}

#[test]
fn a_variant_that_does_not_build_is_shown_as_failed_and_without_a_number() {
    // So that everything else is there.
    quick();
    let directory = TempDir::new().unwrap();
    // Of a release that no registry has.
    let series = directory.path().join("patches/tokio/1.54");
    fs::create_dir_all(&series).unwrap();
    let right = fs::read_to_string(repository().join("patches/tokio/1.54/series.toml")).unwrap();
    let wrong = right.replacen("version = \"1.54.", "version = \"1.54.99", 1);
    fs::write(series.join("series.toml"), wrong).unwrap();

    let out = directory.path().join("out");
    let shown = bench(&out)
        .args([
            "spawn/1",
            "--variants",
            "native,patched",
            "--offline",
            "--patches",
        ])
        .arg(directory.path().join("patches"))
        .run()
        .succeeded();
    assert_says(
        &shown,
        &[
            "patched",
            "failed",
            "could not be staged",
            "cargo could not get",
        ],
    );
    let text = fs::read_to_string(out.join("bench.json")).unwrap();
    let results: Value = serde_json::from_str(&text).unwrap();
    let outcomes = &results["cases"][0]["points"][0]["outcomes"];
    assert_eq!(outcomes[0]["outcome"], "measured");
    assert_eq!(outcomes[1]["outcome"], "failed");
    assert!(
        outcomes[1]["reason"]
            .as_str()
            .unwrap()
            .contains("cargo could not get")
    );
    assert_eq!(outcomes[1].get("rate"), None);
    let page = fs::read_to_string(out.join("bench.html")).unwrap();
    assert_says(&page, &["failed its workspace could not be staged"]);
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_nothing_half_written_and_nothing_running() {
    let out = TempDir::new().unwrap();
    let mut tool = Command::new(program("bench"))
        .args([
            "bench",
            "spawn/1",
            "--variants",
            "native",
            "--profile",
            "dev",
        ])
        .args(["--seconds", "60", "--out"])
        .arg(out.path())
        .current_dir(repository())
        .env("CARGO_WASIP2_SOURCE", repository())
        .env("CARGO_WASIP2_HOME", repository_home())
        .env_remove("CARGO_TARGET_DIR")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let turns = || {
        let children = format!("/proc/{0}/task/{0}/children", tool.id());
        let children = fs::read_to_string(children).unwrap_or_default();
        children
            .split_whitespace()
            .map(str::to_owned)
            .find(|child| {
                fs::read_to_string(format!("/proc/{child}/comm"))
                    .is_ok_and(|name| name == "turns\n")
            })
    };
    let begun = Instant::now();
    let child = loop {
        if let Some(child) = turns() {
            break child;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(300),
            "nothing was measured"
        );
        std::thread::sleep(Duration::from_millis(20));
    };
    let killed = Command::new("kill")
        .args(["-INT", &tool.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    assert_eq!(tool.wait().unwrap().code(), Some(130));
    let gone = || !Path::new(&format!("/proc/{child}/cmdline")).exists();
    let begun = Instant::now();
    while !gone() && begun.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(gone(), "the program that was measured still runs");
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0);
}
