//! The matrix, of a plan with a few guests of a few lines on a crate that has
//! a series; and the quick part of the plan that counts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use roxmltree::{Document, ParsingOptions};
use serde_json::Value;
use tempfile::TempDir;

use crate::browser;
use crate::sample::Sample;
use crate::tool::{Tool, assert_says, repository_home};

/// The guests: what each does as its `main`.
const GUESTS: [(&str, &str); 7] = [
    (
        "good",
        "    assert_eq!(sample::add(1), 2);\n    if sample::origin() != \"patched\" {\n        \
         eprintln!(\"Error: it is not patched\");\n        std::process::exit(1);\n    }\n    \
         println!(\"2 checks passed\");\n",
    ),
    (
        "broken",
        "    let tea: u32 = sample::origin();\n    println!(\"{tea} checks passed\");\n",
    ),
    (
        "hangs",
        "    println!(\"begun\");\n    std::thread::sleep(std::time::Duration::from_secs(600));\n",
    ),
    (
        "traps",
        "    #[cfg(target_arch = \"wasm32\")]\n    core::arch::wasm32::unreachable();\n",
    ),
    ("panics", "    panic!(\"out of {}\", sample::origin());\n"),
    ("mute", "    println!(\"0 checks passed\");\n"),
    (
        "late",
        "    std::thread::sleep(std::time::Duration::from_secs(600));\n",
    ),
];

const ROWS: &str = r#"
[[row]]
name = "good"
guest = "good"
crate = "sample"
features = "default"
kind = "run"
quick = true
[row.upstream]
outcome = "fails"
reason = "the release is not patched"

[[row]]
name = "broken"
guest = "broken"
crate = "sample"
features = "default"
kind = "run"
[row.upstream]
outcome = "does not build"
reason = "a word is not a number"
[row.patched]
outcome = "does not build"
reason = "a word is not a number"

[[row]]
name = "hangs"
guest = "hangs"
crate = "sample"
features = "default"
kind = "run"
time-limit = "2s"
[row.upstream]
outcome = "hangs"
reason = "sleeps"
[row.patched]
outcome = "hangs"
reason = "sleeps"

[[row]]
name = "traps"
guest = "traps"
crate = "sample"
features = "default"
kind = "run"
[row.upstream]
outcome = "traps"
reason = "is made to"
[row.patched]
outcome = "traps"
reason = "is made to"
"#;

/// What is not as its row says.
const SURPRISES: &str = r#"
[[row]]
name = "panics"
guest = "panics"
crate = "sample"
features = "default"
kind = "run"

[[row]]
name = "mute"
guest = "mute"
crate = "sample"
features = "default"
kind = "run"

[[row]]
name = "better"
guest = "good"
crate = "sample"
features = "default"
kind = "run"
[row.upstream]
outcome = "fails"
reason = "the release is not patched"
[row.patched]
outcome = "fails"
reason = "was bad once"
"#;

const PLAN: &str = r#"
guests = "guests"

[limits]
build = "10m"
run = "60s"
suite = "1m"

[[setting]]
name = "async"
about = "this tool's host"
kinds = ["run"]
quick = true

[[setting]]
name = "elsewhere"
about = "a host that no machine has"
kinds = ["run"]
rows = ["good", "broken"]
variants = ["patched"]
otherwise = "one crate is enough"
needs = { program = "wasip2-host-of-no-machine", at-least = "1.2.3", install = "brew it" }

[[setting]]
name = "check"
about = "compiled"
kinds = ["build"]
quick = true

[[setting]]
name = "linux"
about = "compiled for Linux"
kinds = ["build"]
native = true

[[build]]
crate = "sample"
walk = ["--each-feature"]
quick = [""]
also = ["tea"]

[[expect]]
cells = ["build:sample:tea/*"]
outcome = "does not build"
reason = "there is no such feature"
"#;

/// A plan and what it names.
pub struct Small {
    pub sample: Sample,
}

impl Small {
    pub fn new() -> Small {
        let sample = Sample::new();
        let guests = sample.path("guests");
        let mut members = Vec::new();
        for (name, body) in GUESTS {
            members.push(format!("{name:?}"));
            write(
                &guests.join(name).join("Cargo.toml"),
                &format!(
                    "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \
                     \"2024\"\n\n[dependencies]\nsample = \"1.2\"\n"
                ),
            );
            write(
                &guests.join(name).join("src/main.rs"),
                &format!("fn main() {{\n{body}}}\n"),
            );
        }
        let members = members.join(", ");
        write(
            &guests.join("Cargo.toml"),
            &format!("[workspace]\nmembers = [{members}]\nresolver = \"3\"\n"),
        );
        write(&guests.join("rows.toml"), ROWS);
        write(&sample.path("plan.toml"), PLAN);
        Small { sample }
    }

    pub fn matrix(&self) -> Tool {
        self.sample
            .tool("matrix")
            .env("CARGO_WASIP2_PLAN", self.sample.path("plan.toml"))
    }

    /// Where a run's reports go.
    pub fn out(&self, name: &str) -> PathBuf {
        self.sample.path(&format!("out/{name}"))
    }

    /// Has the plan hold other rows than [`ROWS`].
    fn rows(&self, rows: &str) {
        write(&self.sample.path("guests/rows.toml"), rows);
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The plan whose rows nobody changes, and the report of all of it.
fn whole() -> &'static (Small, PathBuf) {
    static WHOLE: OnceLock<(Small, PathBuf)> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let small = Small::new();
        let out = small.out("whole");
        small
            .matrix()
            .args(PARTS)
            .arg("--out")
            .arg(&out)
            .run()
            .succeeded();
        (small, out)
    })
}

/// All of the plan but the walk, which takes cargo-hack.
const PARTS: [&str; 4] = ["--only", "/upstream/", "--only", "/patched/"];

/// A cell of the results.
#[track_caller]
fn cell<'a>(results: &'a Value, row: &str, variant: &str, setting: &str) -> &'a Value {
    let cells = results["cells"].as_array().unwrap();
    let found = cells.iter().find(|cell| {
        cell["row"] == row && cell["variant"] == variant && cell["setting"] == setting
    });
    found.unwrap_or_else(|| panic!("no cell {row}/{variant}/{setting} in {results:#}"))
}

#[test]
fn every_cell_says_what_became_of_it_and_why() {
    let (_, out) = whole();
    let results = json(&out.join("matrix.json"));
    let of = |row, variant, setting| cell(&results, row, variant, setting);

    let good = of("good", "patched", "async");
    assert_eq!(good["outcome"], "passes");
    assert_eq!(good["counts"]["passed"], 2);
    let upstream = of("good", "upstream", "async");
    assert_eq!(upstream["outcome"], "fails");
    assert_eq!(upstream["error"], "Error: it is not patched");
    assert_eq!(upstream["reason"], "the release is not patched");
    assert_eq!(
        upstream["command"],
        "cargo wasip2 matrix --fresh --only good/upstream/async"
    );
    let steps = upstream["steps"].as_array().unwrap();
    assert_says(
        steps[0].as_str().unwrap(),
        &["cargo rustc --package good", "wasm32-wasip2"],
    );
    assert_says(
        steps[1].as_str().unwrap(),
        // Whose clock does not count how long it compiles.
        &["cargo wasip2 host", "--mode=async", "--timeout=60s"],
    );

    for variant in ["upstream", "patched"] {
        let broken = of("broken", variant, "async");
        assert_eq!(broken["outcome"], "does not build");
        assert_says(
            broken["error"].as_str().unwrap(),
            &[
                "broken 0.1.0: error[E0308]: mismatched types (",
                "src/main.rs:2)",
            ],
        );
        let hangs = of("hangs", variant, "async");
        assert_eq!(hangs["outcome"], "hangs");
        assert_says(hangs["error"].as_str().unwrap(), &["after 2 s", "begun"]);
        let traps = of("traps", variant, "async");
        assert_eq!(traps["outcome"], "traps");
        assert_says(traps["error"].as_str().unwrap(), &["unreachable"]);
        let tea = of("build:sample:tea", variant, "check");
        assert_says(tea["error"].as_str().unwrap(), &["tea"]);
        for setting in ["check", "linux"] {
            assert_eq!(
                of("build:sample:none", variant, setting)["outcome"],
                "passes"
            );
        }
    }

    // What is not run says so, and is nothing else.
    let missing = of("good", "patched", "elsewhere");
    assert_eq!(missing["outcome"], "not run");
    assert_says(
        missing["reason"].as_str().unwrap(),
        &["`wasip2-host-of-no-machine` is not on PATH", "brew it"],
    );
    for (row, variant) in [("good", "upstream"), ("traps", "patched")] {
        let left = of(row, variant, "elsewhere");
        assert_eq!(left["outcome"], "not run");
        assert_eq!(left["reason"], "not in the plan: one crate is enough");
    }
    let text = fs::read_to_string(out.join("matrix.md")).unwrap();
    assert_says(
        &text,
        &["Every cell that was run is as expected", "| good |"],
    );
    assert!(!text.contains("elsewhere"), "{text}");
    let series = &results["made-with"]["series"];
    assert_eq!(series[0]["crate"], "sample");
    assert_eq!(series[0]["digest"].as_str().unwrap().len(), 64);
}

#[test]
fn what_is_not_as_expected_fails_the_run() {
    let small = Small::new();
    small.rows(SURPRISES);
    let ended = small.matrix().args(["--only", "/async"]).run();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_says(
        &ended.stderr,
        &[
            "panics/patched/async: fails",
            "out of patched (",
            "mute/upstream/async: fails",
            "its last line is not `N checks passed`",
            "better/patched/async: passes (2 checks)",
            "expected: fails",
            "cells are not as the plan expects",
        ],
    );
    assert!(
        !ended.stderr.contains("error: better/upstream"),
        "{}",
        ended.stderr
    );
    assert_says(&ended.stdout, &["**Not as expected: 5**"]);

    // It is run again, not taken from what is kept.
    let ended = small.matrix().args(["--only", "better/patched"]).run();
    assert_eq!(ended.code, Some(1));
    assert!(!ended.stderr.contains("as before"), "{}", ended.stderr);
}

#[test]
fn a_crate_that_does_not_resolve_is_a_result() {
    let small = Small::new();
    let manifest = small.sample.path("guests/good/Cargo.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text + "wasip2-of-no-registry = \"1\"\n").unwrap();
    let out = small.out("unresolved");
    let said = small
        .matrix()
        .args(["--only", "good", "--out"])
        .arg(&out)
        .run()
        .failed(1);
    assert_says(&said, &["good/patched/async: does not build"]);
    let results = json(&out.join("matrix.json"));
    for variant in ["upstream", "patched"] {
        let error = cell(&results, "good", variant, "async")["error"]
            .as_str()
            .unwrap();
        assert_says(error, &["wasip2-of-no-registry"]);
    }
}

#[cfg(unix)]
#[test]
fn what_has_c_in_it_is_not_run_without_a_compiler() {
    use std::os::unix::fs::PermissionsExt;

    let small = Small::new();
    small.rows(&ROWS.replacen("quick = true", "clang = true", 1));
    // Debian's packages are out of reach, and so is a part of what is needed.
    let tools = TempDir::new().unwrap();
    let apt = tools.path().join("apt-get");
    write(&apt, "#!/bin/sh\necho 'E: no network' >&2\nexit 100\n");
    fs::set_permissions(&apt, fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let paths = [tools.path().to_owned()]
        .into_iter()
        .chain(std::env::split_paths(&path));
    let path = std::env::join_paths(paths).unwrap();
    let run = |compiler: &str, name: &str| {
        let out = small.out(name);
        let matrix = small.matrix().env("PATH", &path).arg("--out").arg(&out);
        let matrix = matrix.env("CC_wasm32_wasip2", compiler);
        matrix.args(["--only", "good"]).run().succeeded();
        json(&out.join("matrix.json"))
    };

    let results = run("", "no-compiler");
    for variant in ["upstream", "patched"] {
        let cell = cell(&results, "good", variant, "async");
        assert_eq!(cell["outcome"], "not run");
        assert_says(cell["reason"].as_str().unwrap(), &["package"]);
        assert_eq!(cell["expected"], outcome(variant));
    }
    // Whoever names a compiler gets that one.
    let results = run("clang", "compiler");
    for variant in ["upstream", "patched"] {
        let cell = cell(&results, "good", variant, "async");
        assert_eq!(cell["outcome"], outcome(variant));
    }
}

/// What becomes of the guest `good`.
fn outcome(variant: &str) -> &'static str {
    match variant {
        "patched" => "passes",
        _ => "fails",
    }
}

#[test]
fn parts_make_the_whole() {
    let (small, out) = whole();
    let parts: Vec<PathBuf> = ["1/2", "2/2"]
        .iter()
        .map(|shard| {
            let out = small.out(&format!("part-{}", &shard[..1]));
            small
                .matrix()
                .args(PARTS)
                .args(["--shard", shard, "--out"])
                .arg(&out)
                .run()
                .succeeded();
            out.join("matrix.json")
        })
        .collect();
    let merged = small.out("merged");
    small
        .matrix()
        .arg("merge")
        .args(parts.iter().rev())
        .arg("--out")
        .arg(&merged)
        .run()
        .succeeded();
    let timeless = |path: PathBuf| {
        let mut results = json(&path);
        results["seconds"] = Value::Null;
        results
    };
    assert_eq!(
        timeless(merged.join("matrix.json")),
        timeless(out.join("matrix.json"))
    );
    let page = |out: &Path| fs::read_to_string(out.join("matrix.html")).unwrap();
    assert_eq!(page(&merged), page(out));

    let said = small.matrix().arg("merge").arg(&parts[0]).run().failed(1);
    assert_says(&said, &["not all parts", "2/2 missing"]);
    let twice = [&parts[0], &parts[0]];
    let said = small.matrix().arg("merge").args(twice).run().failed(1);
    assert_says(&said, &["another of the files has already"]);
    let said = small.matrix().args(["--shard", "3/2"]).run().failed(2);
    assert_says(&said, &["2/5: the second of five"]);
}

#[test]
fn what_changed_is_shown() {
    let (small, out) = whole();
    let new = out.join("matrix.json");
    let same = small
        .matrix()
        .arg("diff")
        .args([&new, &new])
        .run()
        .succeeded();
    assert_eq!(same, "no cell differs\n");

    let mut results = json(&new);
    let cells = results["cells"].as_array_mut().unwrap();
    for cell in &mut *cells {
        if cell["row"] == "good" && cell["setting"] == "async" {
            let passes = cell["variant"] == "upstream";
            cell["outcome"] = if passes { "passes" } else { "traps" }.into();
        }
    }
    cells.retain(|cell| cell["row"] != "broken");
    let old = small.out("old.json");
    write(&old, &results.to_string());
    let ended = small.matrix().arg("diff").args([&old, &new]).run();
    assert_eq!(ended.code, Some(1));
    assert_says(
        &ended.stdout,
        &[
            "worse: 1\n  good/upstream/async: passes -> fails (Error: it is not patched)",
            "better: 1\n  good/patched/async: traps (2) -> passes (2)",
            "broken/patched/async: new, does not build",
        ],
    );
    let back = small.matrix().arg("diff").args([&new, &old]).run();
    assert_says(
        &back.stdout,
        &["broken/patched/async: gone, was does not build"],
    );
}

#[test]
fn results_that_are_no_results_are_refused() {
    let (small, out) = whole();
    let text = fs::read_to_string(out.join("matrix.json")).unwrap();
    let cut = small.out("cut.json");
    write(&cut, &text[..text.len() / 2]);
    let said = small
        .matrix()
        .arg("diff")
        .args([&cut, &cut])
        .run()
        .failed(1);
    assert_says(&said, &["cut.json", "only a part of them", "line"]);

    let other = small.out("other.json");
    write(&other, &text.replacen("\"format\": 1", "\"format\": 7", 1));
    let said = small.matrix().arg("merge").arg(&other).run().failed(1);
    assert_says(&said, &["is in format 7", "reads format 1"]);
    let said = small
        .matrix()
        .args(["merge", "nowhere.json"])
        .run()
        .failed(1);
    assert_says(&said, &["nowhere.json could not be read"]);
}

#[test]
fn a_kept_result_that_is_not_right_is_made_again() {
    let small = Small::new();
    let good = || small.matrix().args(["--only", "good/patched/async"]).run();
    assert_says(&good().stderr, &["good/patched/async: passes"]);
    assert_says(&good().stderr, &["passes (2 checks), as before"]);
    let kept: Vec<PathBuf> = fs::read_dir(small.sample.path("home/matrix/cells"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(kept.len(), 1);
    fs::write(&kept[0], "{\"row\":").unwrap();
    let again = good();
    assert_says(&again.stderr, &["is not right", "the cell is run again"]);
    assert!(!again.stderr.contains("as before"), "{}", again.stderr);

    // A change to the guest is a change to the cell.
    let source = small.sample.path("guests/good/src/main.rs");
    let text = fs::read_to_string(&source).unwrap();
    fs::write(&source, text.replace("2 checks", "3 checks")).unwrap();
    assert_says(&good().stderr, &["passes (3 checks), "]);
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_goes_on_where_it_was() {
    let small = Small::new();
    let late = "\n[[row]]\nname = \"late\"\nguest = \"late\"\ncrate = \"sample\"\nfeatures = \
                \"default\"\nkind = \"run\"\ntime-limit = \"10m\"\n";
    small.rows(&format!("{ROWS}{late}"));
    let only = [
        "--only",
        "good/patched/async",
        "--only",
        "late/patched/async",
    ];
    let log = small.sample.path("log");
    let mut child = small
        .matrix()
        .args(only)
        .into_command()
        .stdout(Stdio::null())
        .stderr(fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let waited = Instant::now();
    let component = small
        .sample
        .path("home/matrix/components/late-patched-async.wasm");
    while !component.exists() {
        assert!(
            waited.elapsed() < Duration::from_secs(300),
            "{}",
            fs::read_to_string(&log).unwrap()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let said = fs::read_to_string(&log).unwrap();
    assert_says(
        &said,
        &[
            "good/patched/async: passes",
            "the same command goes on from here",
        ],
    );
    assert!(!said.contains("late/patched/async: "), "{said}");

    let said = small.matrix().args(&only[..2]).run();
    assert_says(
        &said.stderr,
        &["good/patched/async: passes (2 checks), as before"],
    );
    let said = small.matrix().args(&only[..2]).arg("--fresh").run();
    assert!(!said.stderr.contains("as before"), "{}", said.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_run_and_is_no_result() {
    let (small, _) = whole();
    let said = small
        .matrix()
        .args(["--only", "good/patched/async", "--json", "/dev/full"])
        .run()
        .failed(1);
    assert_says(
        &said,
        &["/dev/full could not be written", "No space left on device"],
    );

    let small = Small::new();
    write(
        &small.sample.path("guests/good/build.rs"),
        "fn main() { eprintln!(\"No space left on device (os error 28)\"); std::process::exit(1) }\n",
    );
    let said = small.matrix().args(["--only", "good"]).run().failed(1);
    assert_says(&said, &["a disk is full", "what was done is kept"]);
    assert!(!said.contains("does not build"), "{said}");
}

#[test]
fn a_plan_that_is_not_right_is_refused() {
    let (small, _) = whole();
    let refused = |plan: &str, words: &[&str]| {
        let path = small.sample.path("wrong.toml");
        write(&path, plan);
        let said = small
            .matrix()
            .arg("--list")
            .arg("--plan")
            .arg(&path)
            .run()
            .failed(1);
        assert_says(&said, words);
    };
    refused(
        &PLAN.replace("quick = [", "quik = ["),
        &["quik", "is not right"],
    );
    refused(
        &PLAN.replace("otherwise = \"one crate is enough\"\n", ""),
        &["`elsewhere` leaves cells out", "otherwise"],
    );
    refused(
        &PLAN.replace("there is no such feature", " "),
        &["no reason"],
    );
    refused(
        &PLAN.replace(
            "about = \"this tool's host\"",
            "about = \"\"\nhost = \"wasmer\"",
        ),
        &["`wasmer`", "`builtin`", "`wasmtime`", "`jco`"],
    );
    // As an installed tool finds its own plan.
    refused(
        &PLAN.replace("guests = \"guests\"", "guests = \"elsewhere\""),
        &["which is not there", "in a checkout of the repository"],
    );
    let said = small.matrix().args(["--only", "coffee"]).run().failed(1);
    assert_says(&said, &["no cell of the plan", "coffee", "--list"]);

    let listed = small
        .matrix()
        .args(["--list", "--only", "good"])
        .run()
        .succeeded();
    assert_eq!(
        listed,
        "good/upstream/async\ngood/patched/async\ngood/patched/elsewhere\n"
    );
    let small = Small::new();
    small.rows(&ROWS.replace("sleeps", ""));
    let said = small.matrix().arg("--list").run().failed(1);
    assert_says(&said, &["hangs.upstream gives no reason"]);
    small.rows(&format!("{ROWS}{ROWS}"));
    let said = small.matrix().arg("--list").run().failed(1);
    assert_says(&said, &["two rows are called `good`"]);
}

#[test]
fn the_page_stands_by_itself() {
    let (_, out) = whole();
    let text = fs::read_to_string(out.join("matrix.html")).unwrap();
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    let page = Document::parse_with_options(&text, options).unwrap();
    for node in page.descendants() {
        assert!(!["link", "img", "iframe"].contains(&node.tag_name().name()));
        assert_eq!(node.attribute("src"), None);
    }
    assert!(!text.contains("http://") && !text.contains("https://") && !text.contains("url("));
    let cell = page
        .descendants()
        .find(|node| node.attribute("id") == Some("broken/patched/async"))
        .unwrap();
    let words: String = cell.descendants().filter_map(|node| node.text()).collect();
    assert_says(
        &words,
        &[
            "does not build",
            "a word is not a number",
            "E0308",
            "--only broken/patched/async",
            "cargo rustc",
        ],
    );
}

#[test]
#[ignore = "needs Chromium, which `cargo wasip2 setup` does not bring; CI has it"]
fn the_matrix_is_drawn_sorted_and_filtered_by_a_browser() {
    let (_, out) = whole();
    let page = format!("file://{}", out.join("matrix.html").display());
    let visible = |address: &str| -> Vec<String> {
        let dom = browser::dom(&format!("{page}{address}"), "1200,1600");
        let body = dom.split("<tbody>").last().unwrap();
        body.split("<tr ")
            .skip(1)
            .filter(|row| !row.split('>').next().unwrap().contains("hidden"))
            .map(|row| {
                let name = row.split("data-name=\"").nth(1).unwrap();
                name.split('"').next().unwrap().to_owned()
            })
            .collect()
    };
    assert_eq!(visible("")[..3], ["good", "broken", "hangs"]);
    assert_eq!(visible("#q=number"), ["broken"]);
    assert_eq!(visible("#outcome=gained"), ["good"]);
    assert_eq!(visible("#outcome=hangs&kind=run"), ["hangs"]);
    assert_eq!(visible("#kind=build&sort=-name")[0], "build:sample:tea");
    for size in ["1200,1600", "390,1600"] {
        let picture = TempDir::new().unwrap();
        let file = picture.path().join("page.png");
        browser::picture(&page, size, &file);
        let bytes = fs::metadata(&file).map_or(0, |picture| picture.len());
        assert!(bytes > 20_000, "the picture of {size} has {bytes} bytes");
    }
}

/// What `cargo wasip2 matrix --quick` says of this tree: a cell that came to
/// another end than the plan says fails it.
#[test]
fn the_quick_part_of_the_plan_is_as_expected() {
    let out = repository_home().join("matrix/quick");
    Tool::new("matrix")
        .args(["--quick", "--out"])
        .arg(&out)
        .run()
        .succeeded();
    let results = json(&out.join("matrix.json"));
    let cells = results["cells"].as_array().unwrap();
    let passed = |variant: &str| {
        let passed = |cell: &&Value| cell["variant"] == variant && cell["outcome"] == "passes";
        cells.iter().filter(passed).count()
    };
    assert!(passed("patched") > passed("upstream"), "{results:#}");
}
