//! `cargo wasip2 branch`: what upstream would be sent, and what is never
//! overwritten.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::sample::{Sample, patch};
use crate::tool::{Tool, assert_says, repository};

/// A sample with three patches: the second is independent of the first, the
/// third changes a line that the first has changed.
fn sample() -> Sample {
    let sample = Sample::new();
    let second = patch("src/lib.rs", 5, "    number + 1", "    1 + number");
    let third = patch("src/lib.rs", 10, "    \"patched\"", "    \"patched twice\"");
    fs::write(sample.series().join("0002-swap.patch"), second).unwrap();
    fs::write(sample.series().join("0003-twice.patch"), third).unwrap();
    let file = sample.series().join("series.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        text.replace("path = \"\"", "path = \"crates/sample\""),
    )
    .unwrap();
    sample
}

fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .arg("-C")
        .arg(directory)
        .args(["-c", "user.name=Me", "-c", "user.email=me@example.invalid"])
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Makes a repository of another history that has what `out` begins with.
fn import(out: &Path, clone: &Path) {
    fs::create_dir(clone).unwrap();
    git(clone, &["init", "--quiet"]);
    let from = out.to_str().unwrap();
    git(clone, &["fetch", "--quiet", "--no-tags", from, "released"]);
    git(clone, &["read-tree", "FETCH_HEAD"]);
    git(clone, &["commit", "--quiet", "-m", "Upstream"]);
    git(clone, &["tag", "upstream"]);
}

/// The mails of a branch of `out` make the same tree of `clone`'s import.
fn assert_mails_make(branch: &str, out: &Path, clone: &Path) {
    let mails = clone.with_extension("mails");
    let range = format!("released..{branch}");
    let to = mails.to_str().unwrap();
    git(out, &["format-patch", "--quiet", "-U1", "-o", to, &range]);
    let mut names: Vec<_> = fs::read_dir(&mails)
        .unwrap()
        .map(|entry| entry.unwrap().path().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    git(
        clone,
        &["checkout", "--quiet", "--force", "--detach", "upstream"],
    );
    let mut arguments = vec!["am", "--quiet", "--keep-cr"];
    arguments.extend(names.iter().map(String::as_str));
    git(clone, &arguments);
    assert_eq!(
        git(clone, &["rev-parse", "HEAD^{tree}"]),
        git(out, &["rev-parse", &format!("{branch}^{{tree}}")]),
        "{branch} of {}",
        out.display()
    );
    fs::remove_dir_all(&mails).unwrap();
}

/// The repository's own: every branch, also those of the single changes.
#[test]
fn every_series_applies_to_a_fresh_import_of_its_release() {
    let directory = tempfile::tempdir().unwrap();
    let mut lines = 0;
    for krate in fs::read_dir(repository().join("patches")).unwrap() {
        let krate = krate.unwrap();
        if !krate.file_type().unwrap().is_dir() {
            continue;
        }
        for line in fs::read_dir(krate.path()).unwrap() {
            let line = line.unwrap();
            let series: toml::Table = fs::read_to_string(line.path().join("series.toml"))
                .unwrap()
                .parse()
                .unwrap();
            let [krate, line] = [krate.file_name(), line.file_name()];
            let name = format!("{}@{}", krate.display(), line.display());
            let out = directory.path().join(&name);
            let made = Tool::new("branch")
                .args([&name, "--split", "--pr", "--json", "--out"])
                .arg(&out)
                .run()
                .succeeded();
            let made: serde_json::Value = serde_json::from_str(&made).unwrap();
            let place = series["upstream"]["path"].as_str().unwrap();
            assert_eq!(
                git(&out, &["rev-parse", &format!("released:{place}")]),
                series["tree"].as_str().unwrap(),
                "{name} begins with the release"
            );
            let clone = directory.path().join(format!("{name} cloned"));
            import(&out, &clone);
            for branch in made["branches"].as_array().unwrap() {
                assert_mails_make(branch["name"].as_str().unwrap(), &out, &clone);
            }
            lines += 1;
        }
    }
    assert!(lines > 12, "{lines} series");
}

#[test]
fn the_branch_is_the_patched_tree_at_its_place_upstream() {
    let sample = sample();
    sample.tool("apply").run().succeeded();
    let out = sample.path("out");
    let branch = || {
        sample
            .tool("branch")
            .arg("sample")
            .arg("--out")
            .arg(&out)
            // Nobody whom git knows.
            .env("HOME", sample.path("nowhere"))
    };
    let path = branch().run().succeeded();
    assert_eq!(path.trim(), out.to_str().unwrap());
    assert_eq!(
        git(&out, &["rev-parse", "wasip2:crates/sample"]),
        git(&sample.tree(), &["rev-parse", "HEAD~1^{tree}"])
    );
    assert_says(
        &git(&out, &["show", "--no-patch", "released"]),
        &[
            "Import sample 1.2.0 as released",
            "Version: 1.2.0",
            "Checksum: ",
            "Upstream-Commit: not named by the package",
        ],
    );
    let log = git(
        &out,
        &["log", "--format=%an|%s", "--reverse", "released..wasip2"],
    );
    assert_eq!(
        log,
        ["cargo-wasip2 contributors|Change one line"; 3].join("\n")
    );

    let clone = sample.path("clone");
    import(&out, &clone);
    assert_mails_make("wasip2", &out, &clone);

    // What nobody touched is made again, and the same.
    let before = git(&out, &["rev-parse", "wasip2"]);
    branch().run().succeeded();
    assert_eq!(git(&out, &["rev-parse", "wasip2"]), before);
}

#[test]
fn independent_changes_get_branches_of_their_own() {
    let sample = sample();
    let out = sample.path("out");
    let split = || {
        sample
            .tool("branch")
            .args(["sample", "--split", "--pr", "--json", "--out"])
            .arg(&out)
    };
    let json = split().run().succeeded();
    let made: serde_json::Value = serde_json::from_str(&json).unwrap();
    let on: Vec<_> = made["branches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|branch| {
            (
                branch["name"].as_str().unwrap(),
                branch["on"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        on,
        [
            ("wasip2", "released"),
            ("wasip2-0001-say-patched", "released"),
            ("wasip2-0002-swap", "released"),
            ("wasip2-0003-twice", "wasip2-0001-say-patched"),
        ]
    );
    assert_eq!(
        git(&out, &["rev-parse", "wasip2-0003-twice^"]),
        git(&out, &["rev-parse", "wasip2-0001-say-patched"])
    );
    let library = git(
        &out,
        &["show", "wasip2-0003-twice:crates/sample/src/lib.rs"],
    );
    assert_says(&library, &["number + 1", "patched twice"]);
    let text = made["branches"][3]["pull_request"].as_str().unwrap();
    assert_says(
        &fs::read_to_string(text).unwrap(),
        &["# Change one line", "Depends on \"Change one line\""],
    );

    // The series knows of a dependence that git cannot see.
    let file = sample.series().join("series.toml");
    let toml = fs::read_to_string(&file).unwrap();
    let needs = |number: &str| format!("{toml}\n[patch.0002]\nneeds = [\"{number}\"]\n");
    fs::write(&file, needs("0001")).unwrap();
    let json = split().run().succeeded();
    let made: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(made["branches"][2]["on"], "wasip2-0001-say-patched");

    fs::write(&file, needs("0003")).unwrap();
    let said = split().run().failed(1);
    assert_says(&said, &["0002 needs 0003, which is not an earlier patch"]);
}

#[test]
fn what_someone_else_put_there_is_never_overwritten() {
    let sample = sample();
    let out = sample.path("out");
    let refused = |reason: &str| {
        let said = branch(&sample, &out).run().failed(1);
        assert_says(&said, &[out.to_str().unwrap(), reason, "--out"]);
    };
    fs::create_dir(&out).unwrap();
    fs::write(out.join("mine"), "mine").unwrap();
    refused("was not made by `cargo wasip2 branch`");
    assert_eq!(fs::read_to_string(out.join("mine")).unwrap(), "mine");

    fs::remove_file(out.join("mine")).unwrap();
    branch(&sample, &out).run().succeeded();
    fs::write(out.join("mine"), "mine").unwrap();
    refused("uncommitted changes");

    git(&out, &["add", "mine"]);
    git(&out, &["commit", "--quiet", "-m", "Mine"]);
    refused("commits or branches");
    assert_eq!(fs::read_to_string(out.join("mine")).unwrap(), "mine");

    fs::write(sample.path("file"), "").unwrap();
    let said = branch(&sample, &sample.path("file")).run().failed(1);
    assert_says(&said, &["exists and is not a directory"]);
    let left = fs::read_dir(sample.path(".")).unwrap();
    assert!(
        left.filter_map(|entry| entry.unwrap().file_name().into_string().ok())
            .all(|name| !name.starts_with(".branch")),
        "nothing half-made is left"
    );
}

#[test]
fn a_series_that_was_broken_by_hand_is_named() {
    let sample = sample();
    let series = sample.series();
    fs::rename(
        series.join("0003-twice.patch"),
        series.join("0004-twice.patch"),
    )
    .unwrap();
    let said = branch(&sample, &sample.path("out")).run().failed(1);
    assert_says(&said, &["has no patch 0003", "0004-twice.patch"]);

    fs::rename(
        series.join("0004-twice.patch"),
        series.join("0003-twice.patch"),
    )
    .unwrap();
    let text = fs::read_to_string(series.join("0003-twice.patch")).unwrap();
    let headless = text.replace("From: ", "Of: ");
    fs::write(series.join("0003-twice.patch"), headless).unwrap();
    let said = branch(&sample, &sample.path("out")).run().failed(1);
    assert_says(&said, &["0003-twice.patch is not a patch", "no `From:"]);
    assert!(!sample.path("out").exists());
}

fn branch(sample: &Sample, out: &Path) -> Tool {
    sample.tool("branch").args(["sample", "--out"]).arg(out)
}

#[test]
fn a_clone_is_asked_which_patches_apply_there_and_stays_as_it_is() {
    let sample = sample();
    let out = sample.path("out");
    let made = sample.tool("branch").args(["sample", "--out"]).arg(&out);
    made.run().succeeded();
    let clone = sample.path("clone");
    import(&out, &clone);
    let onto = || {
        let asked = sample.tool("branch").args(["sample", "--onto"]).arg(&clone);
        let said = asked.run().succeeded();
        assert_eq!(git(&clone, &["status", "--porcelain", "--ignored"]), "");
        said
    };
    git(&clone, &["checkout", "--quiet", "--force", "upstream"]);
    let objects = git(&clone, &["count-objects"]);
    assert_says(
        &onto(),
        &[
            "sample 1.2.0: 3 of 3 patches apply on ",
            "0001 applies by itself",
            "0002 applies by itself",
            "0003 applies after those before it",
        ],
    );
    assert_eq!(git(&clone, &["count-objects"]), objects);

    // Upstream has moved on.
    let library = clone.join("crates/sample/src/lib.rs");
    let text = fs::read_to_string(&library).unwrap();
    fs::write(&library, text.replace("number + 1", "number.strict_add(1)")).unwrap();
    git(&clone, &["commit", "--quiet", "--all", "-m", "Move on"]);
    assert_says(
        &onto(),
        &[
            "2 of 3 patches apply",
            "0002 does not apply: patch failed: crates/sample/src/lib.rs:",
            "0003 applies after those before it",
        ],
    );
}
