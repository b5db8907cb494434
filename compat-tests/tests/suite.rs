//! The verb `suite`: on a crate of a few tests, one for each thing that can
//! become of a test, and on tokio's own.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::sample::Sample;
use crate::tool::{Tool, assert_says, repository_home};

/// A test for each outcome.
const TESTS: &str = r#"
#[test]
fn passes() {
    println!("some words of its own");
}

#[test]
fn panics() {
    let two = 2;
    assert_eq!(two, 1 + usize::from(cfg!(not(target_os = "wasi"))), "there is no other way");
}

#[test]
fn aborts() {
    if cfg!(target_os = "wasi") {
        std::process::abort();
    }
}

#[test]
fn computes_for_ever() {
    while cfg!(target_os = "wasi") {
        std::hint::black_box(());
    }
}

#[test]
fn waits_for_ever() {
    if cfg!(target_os = "wasi") {
        std::thread::sleep(std::time::Duration::from_secs(3600));
    }
}

#[test]
fn leaves_early() {
    if cfg!(target_os = "wasi") {
        std::process::exit(0);
    }
}

#[test]
#[cfg_attr(target_os = "wasi", ignore)]
fn is_ignored() {}

#[test]
#[cfg(not(target_os = "wasi"))]
fn is_for_others() {}

#[test]
#[ignore]
fn is_ignored_everywhere() {}

#[test]
fn has_an_empty_directory_and_a_server() {
    if cfg!(target_os = "wasi") {
        assert_eq!(std::fs::read_dir("/tmp").unwrap().count(), 0);
        std::fs::write("/tmp/left", "behind").unwrap();
        assert!(std::fs::read_to_string("Cargo.toml").unwrap().contains("suited"));
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    listener.accept().unwrap();
}

#[test]
fn has_an_empty_directory_too() {
    if cfg!(target_os = "wasi") {
        assert_eq!(std::fs::read_dir("/tmp").unwrap().count(), 0);
        std::fs::write("/tmp/left", "behind").unwrap();
    }
}
"#;

/// What is to be expected of them.
const EXPECTED: &str = r#"
[[expect]]
outcome = "fails"
reason = "arithmetic"
tests = ["outcomes::panics"]

[[expect]]
outcome = ["passes", "fails"]
reason = "exits before or after its end"
tests = ["outcomes::leaves_early", "outcomes::has_an_empty_directory_too"]

[[expect]]
outcome = "aborts"
reason = "calls abort"
tests = ["outcomes::aborts"]

[[expect]]
outcome = "hangs"
reason = "has no end"
tests = ["outcomes::*_for_ever"]

[[expect]]
outcome = "ignored"
reason = "marked so"
tests = ["outcomes::is_ignored"]

[[expect]]
outcome = "absent"
reason = "for other systems"
tests = ["outcomes::is_for_others"]
"#;

/// The sample registry with a crate `suited` in it and a suite for that.
struct Suited {
    sample: Sample,
    /// The first lines of the suite's file.
    head: String,
}

impl Suited {
    fn new() -> Suited {
        let sample = Sample::new();
        let tests = sample.path("published/suited-1.0.0/tests");
        fs::create_dir_all(&tests).unwrap();
        fs::write(tests.join("outcomes.rs"), TESTS).unwrap();
        let checksum = sample.publish("suited", "1.0.0", "");
        let head = format!(
            "crate = \"suited\"\ntime-limit = \"2s\"\n\n[release]\nversion = \"1.0.0\"\nchecksum = \
             \"{checksum}\"\n"
        );
        let suited = Suited { sample, head };
        suited.expect(EXPECTED);
        suited
    }

    fn file(&self) -> PathBuf {
        self.sample.path("suites/suited.toml")
    }

    fn expect(&self, expectations: &str) {
        fs::create_dir_all(self.file().parent().unwrap()).unwrap();
        fs::write(self.file(), format!("{}{expectations}", self.head)).unwrap();
    }

    fn suite(&self) -> Tool {
        self.sample
            .tool("suite")
            .env("CARGO_WASIP2_SUITES", self.sample.path("suites"))
            .arg("suited")
    }
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn every_outcome_is_told_from_the_others() {
    let suited = Suited::new();
    suited
        .suite()
        .args(["--native", "--upstream", "--update"])
        .run()
        .succeeded();
    let linux = fs::read_to_string(suited.sample.path("suites/suited.linux")).unwrap();
    assert_eq!(linux.lines().count(), 10, "{linux}");
    assert!(!linux.contains("is_ignored_everywhere"), "{linux}");

    // As expected.
    let report = suited.sample.path("report.json");
    let said = suited.suite().arg("--json").arg(&report).run().succeeded();
    assert_says(
        &said,
        &[
            "suited v1.0.0 (on patched crates) on wasm32-wasip2: 3 of the 10 tests",
            "1 of those that pass, and 1 of the others, may end otherwise the next time",
            "2 fails",
            "    1 arithmetic\n",
            "2 hangs\n          2 has no end",
            "1 absent",
        ],
    );
    let report = read(&report);
    assert_eq!(report["surprises"], 0);
    assert_eq!(report["linux"], 10);
    assert_eq!(report["counts"]["passes"], 3);
    assert_eq!(report["others"]["ignored"], 1);
    let test = |name: &str| {
        let tests = report["tests"].as_array().unwrap();
        tests.iter().find(|test| test["name"] == name).unwrap()
    };
    assert_says(
        test("outcomes::panics")["message"].as_str().unwrap(),
        &["there is no other way", "tests/outcomes.rs:"],
    );
    assert_eq!(test("outcomes::panics")["expected"], "fails");
    assert_eq!(
        test("outcomes::leaves_early")["expected"],
        json!(["passes", "fails"])
    );

    // The same with a host that is synchronous, which cannot take a guest
    // away from where it waits.
    let said = suited.suite().args(["--mode", "sync"]).run().succeeded();
    assert_says(
        &said,
        &["on wasm32-wasip2, synchronous host: 3 of the 10", "2 hangs"],
    );

    // What is so in one mode alone holds in that.
    suited.expect(&EXPECTED.replace("\"arithmetic\"", "\"arithmetic\"\nmode = \"async\""));
    suited.suite().args(["--", "panics"]).run().succeeded();
    let said = suited
        .suite()
        .args(["--mode", "sync", "--", "panics"])
        .run()
        .failed(1);
    assert_says(&said, &["outcomes::panics fails\n"]);
    let said = suited
        .suite()
        .args(["--mode", "sync", "--update"])
        .run()
        .failed(1);
    assert_says(&said, &["with `mode = \"sync\"`"]);

    // Natively everything passes, patched or not.
    suited.suite().arg("--native").run().succeeded();

    // A pass that was not expected, a failure that was not, a stale line and
    // one without a reason.
    suited.expect(
        &EXPECTED
            .replace("outcomes::panics", "outcomes::passes")
            .replace(
                "\"outcomes::is_ignored\"",
                "\"outcomes::is_ignored\", \"gone::*\"",
            )
            .replace("calls abort", " "),
    );
    let said = suited.suite().run().failed(1);
    assert_says(
        &said,
        &[
            "outcomes::passes passes, and was expected otherwise (fails: arithmetic)",
            "outcomes::panics fails\n",
            "there is no other way",
            "`gone::*` in",
            "1 lines of",
            "2 tests are not as",
        ],
    );

    // A filter leaves the rest alone.
    let said = suited.suite().args(["--", "computes"]).run();
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    assert!(!said.stderr.contains("gone::"), "{}", said.stderr);
    assert_says(&said.stdout, &["0 of the 1 tests that Linux runs pass"]);

    // What `--update` writes holds, but for the reasons.
    suited.suite().arg("--update").run().succeeded();
    let said = suited.suite().run().failed(1);
    assert_says(&said, &["have no reason"]);
    assert!(!said.contains("tests are not as"), "{said}");
    let file = fs::read_to_string(suited.file()).unwrap();
    assert_says(&file, &["outcomes::panics", "there is no other way"]);
    assert!(!file.contains("outcomes::passes"), "{file}");
    assert!(!file.contains("gone"), "{file}");
}

#[test]
fn a_suite_that_is_not_right_is_refused() {
    let suited = Suited::new();
    suited.expect("[[expect]]\noutcome = \"passes\"\nreason = \"x\"\ntests = [\"outcomes::a\"]\n");
    let said = suited.suite().run().failed(1);
    assert_says(&said, &["outcomes::a that it passes", "take it out"]);

    for (wrong, why) in [
        (
            EXPECTED.replace("exits before or after its end", " "),
            "the outcome varies, but not why",
        ),
        (
            EXPECTED.replace("[\"passes\", \"fails\"]", "[\"fails\"]"),
            "name each that is seen",
        ),
        (
            EXPECTED.replace("[\"passes\", \"fails\"]", "[\"fails\", \"fails\"]"),
            "name each that is seen",
        ),
        (
            EXPECTED.replace("[\"passes\", \"fails\"]", "\"varies\""),
            "or a list of those",
        ),
    ] {
        suited.expect(&wrong);
        let said = suited.suite().run().failed(1);
        assert_says(&said, &[why]);
    }

    suited.expect(&EXPECTED.replace("::aborts", "::panics"));
    let said = suited.suite().run().failed(1);
    assert_says(&said, &["names `outcomes::panics` twice"]);

    let said = suited
        .sample
        .tool("suite")
        .env("CARGO_WASIP2_SUITES", suited.sample.path("suites"))
        .arg("stuited")
        .run()
        .failed(1);
    assert_says(&said, &["there is no suite `stuited`; there are suited"]);
}

/// What upstream promises, and what is written of the rest, holds for a part
/// of tokio's tests; all of them take several minutes where nothing is built.
#[test]
fn tokio_passes_its_own_tests() {
    let report = repository_home().join("suite-part.json");
    Tool::new("suite")
        .args(["tokio", "--json"])
        .arg(&report)
        .args(["--", "time_", "tcp_", "fs_file::"])
        .run()
        .succeeded();
    let report = read(&report);
    assert_eq!(report["surprises"], 0);
    assert_eq!(report["counts"]["aborts"], Value::Null);
    let passed = report["counts"]["passes"].as_u64().unwrap();
    assert!(passed >= 100, "{passed} tests pass");
}

/// mio's package ships no tests of this target; its series brings them.
#[test]
fn mio_passes_the_tests_of_its_series() {
    for (libc, mode) in [("ec0effd", "async"), ("161b319", "sync")] {
        let report = repository_home().join(format!("suite-mio-{mode}.json"));
        Tool::new("suite")
            .args(["mio", "--libc", libc, "--mode", mode, "--json"])
            .arg(&report)
            .run()
            .succeeded();
        let report = read(&report);
        assert_eq!(report["surprises"], 0);
        let passed = report["others"]["passes"].as_u64().unwrap();
        assert!(passed >= 46, "{passed} tests pass");
    }
}
