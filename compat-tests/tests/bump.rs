//! `cargo wasip2 bump`: what is carried over, what is dropped, what a person
//! has to resolve, and that the series stays whole meanwhile.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::sample::{Sample, patch};
use crate::tool::assert_says;

const SWAP: (&str, &str) = ("number + 1", "1 + number");

/// A sample whose series has three patches.
fn sample() -> Sample {
    let sample = Sample::new();
    let second = patch("src/lib.rs", 5, "    number + 1", "    1 + number");
    let third = patch("src/lib.rs", 3, "/// Adds one.", "/// Adds 1.");
    fs::write(sample.series().join("0002-swap.patch"), second).unwrap();
    fs::write(sample.series().join("0003-word.patch"), third).unwrap();
    let file = sample.series().join("series.toml");
    let text = fs::read_to_string(&file).unwrap();
    let notes = "\n[patch.0002]\ngaps = [\"G2\"]\n\n[patch.0003]\ngaps = [\"G3\"]\nneeds = \
                 [\"0001\", \"0002\"]\n";
    let text = format!("# Patches for the sample 1.2 release line.\n{text}{notes}");
    fs::write(&file, text).unwrap();
    sample
}

/// Every file below `directory`, with its content.
fn content(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(content(&path));
        } else {
            files.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    files
}

/// Adds the line 2.1 to [`sample`], which takes two patches from 1.2.
fn two_lines() -> Sample {
    let sample = sample();
    sample.second_line();
    let file = sample.path("patches/sample/2.1/series.toml");
    let text = fs::read_to_string(&file).unwrap();
    let notes = "\n[patch.0002]\n# It is.\nsame-as = \"1.2/0002\" # the same\n\n[patch.0003]\n\
                 same-as = \"1.2/0003\"\nneeds = [\"0001\"]\n";
    fs::write(&file, format!("{text}{notes}")).unwrap();
    sample
}

/// Makes the patched tree of a series; gives back its library.
fn library(sample: &Sample, series: &str, version: &str) -> String {
    sample.tool("apply").arg(series).run().succeeded();
    let tree = sample.path("home/trees").join(format!("sample-{version}"));
    fs::read_to_string(tree.join("src/lib.rs")).unwrap()
}

/// The names of the files in a series' directory.
fn files(sample: &Sample, line: &str) -> Vec<String> {
    let directory = sample.path("patches/sample").join(line);
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Replaces the conflict in the library by `resolution`.
fn resolve(sample: &Sample, resolution: &str) {
    resolve_in(sample, "1.2", resolution);
}

/// The same for the bump of another line.
fn resolve_in(sample: &Sample, line: &str, resolution: &str) {
    let library = sample
        .path("home")
        .join(format!("bump/sample@{line}"))
        .join("work/src/lib.rs");
    let text = fs::read_to_string(&library).unwrap();
    let (before, rest) = text.split_once("<<<<<<< ").unwrap();
    let (_, after) = rest.split_once(">>>>>>> ").unwrap();
    let (_, after) = after.split_once('\n').unwrap();
    fs::write(&library, format!("{before}{resolution}{after}")).unwrap();
}

#[test]
fn a_series_is_carried_over_by_itself() {
    let sample = sample();
    let moved = (
        "//! A sample.\n",
        "//! A sample.\n//!\n//! With more lines.\n",
    );
    sample.publish_changed("1.2.3", &[moved]);
    let json = sample
        .tool("bump")
        .args(["sample", "--json"])
        // Nobody whom git knows.
        .env("HOME", sample.path("nowhere"))
        .run()
        .succeeded();
    let bumped: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(bumped["to"], "1.2.3");
    assert_eq!(bumped["finished"], true);
    assert_eq!(bumped["patches"].as_array().unwrap().len(), 3);
    sample.tool("apply").run().succeeded();
    let library = fs::read_to_string(sample.path("home/trees/sample-1.2.3/src/lib.rs")).unwrap();
    assert_says(&library, &["//! With", "1 + number", "\"patched\""]);
    let said = sample.tool("bump").arg("sample").run();
    assert_says(&said.stderr, &["sample v1.2.3 is the newest release"]);
    said.succeeded();
    assert_eq!(fs::read_dir(sample.path("home/bump")).unwrap().count(), 0);
}

#[test]
fn what_upstream_has_is_dropped_and_a_conflict_is_resolved_by_hand() {
    let sample = sample();
    sample.publish_changed("1.3.0", &[SWAP, ("\"released\"", "\"upstream\"")]);
    let before = content(&sample.path("patches"));

    let said = sample.tool("bump").arg("sample").run().failed(1);
    assert_says(
        &said,
        &[
            "Bumping sample v1.2.0 to 1.3.0",
            "error: 0001-say-patched.patch conflicts with sample v1.3.0",
            "\"upstream\"",
            "\"patched\"",
            "home/bump/sample@1.2/work",
            "bump --continue",
        ],
    );
    assert_eq!(content(&sample.path("patches")), before);

    // Not resolved, begun again, and with a file that nobody knows.
    let said = sample.tool("bump").arg("--continue").run().failed(1);
    assert_says(
        &said,
        &[
            "the conflict of 0001-say-patched.patch is not resolved",
            "line 10 of",
            "src/lib.rs still has a conflict marker",
        ],
    );
    let said = sample.tool("bump").arg("sample").run().failed(1);
    assert_says(&said, &["a bump of sample is under way in", "--abort"]);
    resolve(&sample, "    \"patched upstream\"\n");
    let bump = sample.path("home").join("bump/sample@1.2");
    let stray = bump.join("work/stray.rs");
    fs::write(&stray, "").unwrap();
    let said = sample.tool("bump").arg("--continue").run().failed(1);
    assert_says(&said, &["files that git does not know", "stray.rs"]);
    fs::remove_file(&stray).unwrap();
    assert_eq!(content(&sample.path("patches")), before);

    let said = sample.tool("bump").args(["--continue", "sample"]).run();
    assert_says(
        &said.stderr,
        &[
            "Resolved 0001-say-patched.patch",
            "Upstream 0002-swap.patch",
            "Applies 0003-word.patch",
            "Finished sample v1.2.0 to v1.3.0: now `cargo wasip2 lint sample --compile`",
        ],
    );
    said.succeeded();
    let lines: Vec<_> = fs::read_dir(sample.path("patches/sample"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(lines, ["1.3"], "the new line took the old one's place");
    let toml = fs::read_to_string(sample.path("patches/sample/1.3/series.toml")).unwrap();
    assert_says(
        &toml,
        &[
            "# Patches for the sample 1.3 release line.",
            "version = \"1.3.0\"",
            "[patch.0002]\ngaps = [\"G3\"]\nneeds = [\"0001\"]",
        ],
    );
    assert!(!toml.contains("G2"), "{toml}");
    sample.tool("apply").run().succeeded();
    let library = fs::read_to_string(sample.path("home/trees/sample-1.3.0/src/lib.rs")).unwrap();
    assert_says(
        &library,
        &["/// Adds 1.", "1 + number", "\"patched upstream\""],
    );
}

#[test]
fn what_another_line_takes_follows_the_series_or_becomes_its_own() {
    let sample = two_lines();
    let before = library(&sample, "sample@2.1", "2.1.0");
    assert_says(&before, &["patched too", "1 + number", "Adds 1."]);
    let series = sample.path("patches/sample/2.1");
    let old = fs::read(sample.series().join("0002-swap.patch")).unwrap();

    // One is upstream, the other moves to another line, number and place.
    let moved = ("//! A sample.\n", "//! A sample.\n//!\n//! More.\n");
    sample.publish_changed("1.3.0", &[SWAP, moved]);
    let said = sample.tool("bump").arg("sample@1.2").run();
    assert_says(
        &said.stderr,
        &[
            "Shared 0003-word.patch of sample v2.1.0",
            "warning: 0002-swap.patch of sample v2.1.0 is a file of its own now",
        ],
    );
    said.succeeded();
    assert_eq!(
        files(&sample, "2.1"),
        ["0001-say-patched.patch", "0002-swap.patch", "series.toml"]
    );
    assert_eq!(fs::read(series.join("0002-swap.patch")).unwrap(), old);
    let text = fs::read_to_string(series.join("series.toml")).unwrap();
    assert!(
        text.ends_with("\n[patch.0003]\nsame-as = \"1.3/0002\"\nneeds = [\"0001\"]\n"),
        "{text}"
    );
    assert!(!text.contains("0002]"), "{text}");
    assert_eq!(library(&sample, "sample@2.1", "2.1.0"), before);

    // What was resolved by hand fits the one release only.
    sample.publish_changed(
        "1.4.0",
        &[SWAP, ("fn add(number: u32)", "fn add(number: u64)")],
    );
    sample.tool("bump").arg("sample@1.3").run().failed(1);
    resolve_in(
        &sample,
        "1.3",
        "/// Adds 1.\npub fn add(number: u64) -> u32 {\n",
    );
    let said = sample.tool("bump").arg("--continue").run();
    assert_says(
        &said.stderr,
        &["0003-Change-one-line.patch of sample v2.1.0 is a file"],
    );
    said.succeeded();
    let text = fs::read_to_string(series.join("series.toml")).unwrap();
    assert!(!text.contains("same-as"), "{text}");
    assert_eq!(library(&sample, "sample@2.1", "2.1.0"), before);
    assert_eq!(fs::read_dir(sample.path("home/bump")).unwrap().count(), 0);
}

#[test]
fn a_series_goes_on_to_take_what_fits_its_new_release() {
    let sample = two_lines();
    let other = content(&sample.series());
    let moved = ("//! A sample.\n", "//! A sample.\n//!\n//! More.\n");
    sample.publish_changed("2.2.0", &[moved]);
    sample.tool("bump").arg("sample@2.1").run().succeeded();
    assert_eq!(
        files(&sample, "2.2"),
        ["0001-Change-one-line.patch", "series.toml"]
    );
    let text = fs::read_to_string(sample.path("patches/sample/2.2/series.toml")).unwrap();
    assert_says(&text, &["# It is.\nsame-as = \"1.2/0002\" # the same\n"]);
    let made = library(&sample, "sample@2.2", "2.2.0");
    assert_says(&made, &["//! More.", "1 + number", "Adds 1."]);

    let above = ("/// Adds one.", "/// Sums.\n/// Adds one.");
    sample.publish_changed("2.3.0", &[above]);
    sample.tool("bump").arg("sample@2.2").run().failed(1);
    resolve_in(&sample, "2.2", "/// Sums.\n/// Adds 1.\n");
    let said = sample.tool("bump").arg("--continue").run();
    assert_says(
        &said.stderr,
        &["warning: 0003-Change-one-line.patch has a file of its own now: 1.2/0003"],
    );
    said.succeeded();
    assert_eq!(files(&sample, "2.3").len(), 3);
    let text = fs::read_to_string(sample.path("patches/sample/2.3/series.toml")).unwrap();
    assert_says(&text, &["same-as = \"1.2/0002\"", "[patch.0003]\nneeds"]);
    assert_says(
        &library(&sample, "sample@2.3", "2.3.0"),
        &["/// Sums.\n/// Adds 1.", "1 + number"],
    );
    assert_eq!(content(&sample.series()), other);
}

#[test]
fn an_interruption_loses_nothing_and_a_bump_can_be_given_up() {
    let sample = sample();
    sample.publish_changed("1.3.0", &[("\"released\"", "\"upstream\"")]);
    let before = content(&sample.path("patches"));
    sample.tool("bump").arg("sample").run().failed(1);

    // As a tool leaves it that was killed while git picked the patch.
    let state = sample.path("home/bump/sample@1.2/state.json");
    let mut json: serde_json::Value = serde_json::from_slice(&fs::read(&state).unwrap()).unwrap();
    json["conflict"] = serde_json::Value::Null;
    fs::write(&state, json.to_string()).unwrap();
    let work = sample.path("home/bump/sample@1.2/work");
    fs::write(work.join(".git/index.lock"), "").unwrap();
    let said = sample.tool("bump").arg("--continue").run().failed(1);
    assert_says(&said, &["0001-say-patched.patch conflicts"]);

    // As one leaves it that was killed between the last two steps.
    let series = sample.series();
    let aside = series.with_file_name(".previous-1.2");
    fs::rename(&series, &aside).unwrap();
    fs::create_dir(series.with_file_name(".next-1.2")).unwrap();
    let said = sample.tool("bump").arg("--continue").run().failed(1);
    assert_says(&said, &["still has a conflict marker"]);
    assert_eq!(content(&sample.path("patches")), before);
    assert!(!series.with_file_name(".next-1.2").exists());

    // Someone has edited the series meanwhile.
    let file = series.join("0003-word.patch");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("Adds 1", "Adds I")).unwrap();
    let said = sample.tool("bump").arg("--continue").run().failed(1);
    assert_says(&said, &["has changed since the bump began", "--abort"]);
    fs::write(&file, text).unwrap();

    sample.tool("bump").arg("--abort").run().succeeded();
    assert_eq!(content(&sample.path("patches")), before);
    let said = sample.tool("bump").arg("--continue").run().failed(1);
    assert_says(&said, &["no bump is under way"]);
}

#[test]
fn a_series_that_lags_behind_is_reported() {
    let sample = sample();
    // 2.0.0 is there, too, and no series is for it.
    let said = sample.tool("bump").arg("--all").run().failed(1);
    assert_says(
        &said,
        &["sample v1.2.0 lags behind 2.0.0, which is incompatible"],
    );
    sample.registry.yank("sample", "2.0.0");
    let said = sample.tool("bump").arg("--all").run();
    assert_says(&said.stderr, &["Newest sample v1.2.0"]);
    said.succeeded();

    sample.publish_changed("1.4.0", &[]);
    let ended = sample.tool("bump").args(["--all", "--json"]).run();
    assert_says(
        &ended.stderr,
        &["sample v1.2.0 lags behind 1.4.0: `cargo wasip2 bump sample@1.2`"],
    );
    let compared: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(compared[0]["newest_compatible"], "1.4.0");
    assert_eq!(compared[0]["lags"], true);
    ended.failed(1);
    sample.registry.yank("sample", "1.4.0");
    sample.tool("bump").arg("--all").run().succeeded();
}

#[test]
fn a_release_that_is_not_there_is_named() {
    let sample = sample();
    let before = content(&sample.path("patches"));
    let bump = |version: &str| sample.tool("bump").args(["sample", version]).run();
    assert_says(
        &bump("1.9.9").failed(1),
        &["there is no release sample v1.9.9", "1.2.0"],
    );
    sample.publish_changed("1.5.0", &[]);
    sample.registry.yank("sample", "1.5.0");
    assert_says(&bump("1.5.0").failed(1), &["sample v1.5.0 was yanked"]);
    assert_says(&bump("1.0.0").failed(1), &["which is newer than 1.0.0"]);
    assert_says(&bump("new").failed(2), &["invalid value 'new'"]);
    let said = sample.tool("bump").run().failed(2);
    assert_says(&said, &["<CRATE"]);

    // A series that someone broke is not touched.
    let file = sample.series().join("0002-swap.patch");
    fs::remove_file(&file).unwrap();
    sample.publish_changed("1.6.0", &[]);
    assert_says(
        &bump("1.6.0").failed(1),
        &["has no patch 0002", "0003-word.patch stands in its place"],
    );
    fs::write(&file, &before[&file]).unwrap();
    let wrong = String::from_utf8(before[&file].clone()).unwrap();
    fs::write(&file, wrong.replace("-    number + 1", "-    number + 7")).unwrap();
    assert_says(
        &bump("1.6.0").failed(1),
        &["the patch 0002-swap.patch does not apply to sample v1.2.0, which it is for"],
    );
    fs::write(&file, &before[&file]).unwrap();
    assert_eq!(content(&sample.path("patches")), before);
    assert_eq!(fs::read_dir(sample.path("home/bump")).unwrap().count(), 0);
}
