//! `init --vendor`, `init --git` and `branch --push`: a project that builds
//! where the tool is not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::sample::{Sample, patch};
use crate::tool::assert_says;

fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(directory)
        .args(["-c", "user.name=Me", "-c", "user.email=me@example.invalid"])
        .args(["-c", "init.defaultBranch=main"])
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// What a clone of `program` is built from, where nothing of the tool's is, and
/// nothing that cargo has fetched but the registry's settings.
fn built_in_a_clone(sample: &Sample, program: &Path, name: &str) -> String {
    if !program.join(".git").exists() {
        fs::write(program.join(".gitignore"), "/target\n").unwrap();
        git(program, &["init", "--quiet"]);
    }
    git(program, &["add", "--all"]);
    git(
        program,
        &["commit", "--quiet", "--allow-empty", "-m", "All"],
    );
    let clone = sample.path(name);
    let (from, to) = (program.to_str().unwrap(), clone.to_str().unwrap());
    git(program, &["clone", "--quiet", from, to]);
    built(sample, &clone)
}

/// What the project in `clone` is built from, without the tool's home and with
/// a new one of cargo's.
fn built(sample: &Sample, clone: &Path) -> String {
    let (home, away) = (sample.path("home"), sample.path("away"));
    fs::rename(&home, &away).unwrap();
    let cargo = clone.join("target/cargo-home");
    fs::create_dir_all(&cargo).unwrap();
    fs::copy(sample.path("cargo/config.toml"), cargo.join("config.toml")).unwrap();
    let output = Command::new(std::env::var_os("CARGO").unwrap())
        .args(["run", "--quiet", "--locked"])
        .current_dir(clone)
        .env("CARGO_HOME", &cargo)
        .env("CARGO_TARGET_DIR", clone.join("target"))
        .output()
        .unwrap();
    fs::rename(&away, &home).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.is_empty(), "cargo complains: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Has the series say `word` from now on.
fn change_the_series(sample: &Sample, word: &str) {
    let changed = patch(
        "src/lib.rs",
        10,
        "    \"released\"",
        &format!("    {word:?}"),
    );
    fs::write(sample.series().join("0001-say-patched.patch"), changed).unwrap();
}

fn doctor(sample: &Sample, program: &Path) -> crate::tool::Ended {
    sample
        .tool("doctor")
        .arg("--manifest-path")
        .arg(program.join("Cargo.toml"))
        .run()
}

#[test]
fn a_vendored_project_builds_from_a_clone_without_the_tool() {
    let sample = Sample::new();
    let program = sample.program("1");
    sample.cargo(&program, &["generate-lockfile", "--quiet"]);
    let lock = fs::read_to_string(program.join("Cargo.lock")).unwrap();
    let init = |more: &[&str]| sample.tool("init").arg(&program).args(more).run();
    let directory = program.join("third/party");
    let vendor = directory.to_str().unwrap().to_owned();
    init(&["--vendor", &vendor]).succeeded();
    let config = fs::read_to_string(program.join(".cargo/config.toml")).unwrap();
    assert_says(
        &config,
        &[
            "sample = { path = \"third/party/sample-1.2.0\" }",
            "runner = [\"wasmtime\", \"run\"",
        ],
    );
    assert!(
        !config.contains(sample.path("").to_str().unwrap()),
        "{config}"
    );
    assert_eq!(built_in_a_clone(&sample, &program, "one"), "patched\n");
    assert_says(
        &doctor(&sample, &program).succeeded(),
        &["built from its patched tree"],
    );

    // An older series' copy builds, and the next `init` renews it where it is.
    change_the_series(&sample, "newer");
    assert_says(
        &doctor(&sample, &program).succeeded(),
        &["old", "renews it"],
    );
    init(&[]).succeeded();
    assert_eq!(built_in_a_clone(&sample, &program, "two"), "newer\n");

    // A change of the user's is told of and never lost.
    let library = directory.join("sample-1.2.0/src/lib.rs");
    let before = fs::read(&library).unwrap();
    fs::write(&library, "mine").unwrap();
    let said = doctor(&sample, &program);
    assert_says(&said.stdout, &["changed", "not as it was put there"]);
    said.failed(1);
    change_the_series(&sample, "newest");
    let said = init(&[]).failed(1);
    assert_says(
        &said,
        &["was changed after it was put there", "nothing was changed"],
    );
    assert_eq!(fs::read(&library).unwrap(), b"mine");
    assert_eq!(
        fs::read_to_string(program.join(".cargo/config.toml")).unwrap(),
        config
    );

    fs::write(&library, before).unwrap();
    init(&["--remove"]).succeeded();
    assert!(!program.join("third").exists());
    assert_eq!(
        fs::read_to_string(program.join("Cargo.lock")).unwrap(),
        lock
    );
}

#[test]
fn a_workspace_can_be_vendored_and_its_copies_are_no_members() {
    let sample = Sample::new();
    let root = sample.path("workspace");
    let program = sample.program("1");
    fs::create_dir_all(root.join("crates")).unwrap();
    let manifest = fs::read_to_string(program.join("Cargo.toml")).unwrap();
    fs::write(
        program.join("Cargo.toml"),
        manifest.replace("[workspace]\n", ""),
    )
    .unwrap();
    fs::rename(&program, root.join("crates/program")).unwrap();
    let text = "[workspace]\nmembers = [\"crates/*\"]\nresolver = \"3\"\n";
    fs::write(root.join("Cargo.toml"), text).unwrap();
    let init = sample
        .tool("init")
        .arg(&root)
        .arg("--vendor")
        .arg(root.join("vendor"));
    init.run().succeeded();
    assert_eq!(built_in_a_clone(&sample, &root, "clone"), "patched\n");
    let members = sample.cargo(&root, &["metadata", "--no-deps", "--format-version=1"]);
    assert!(!members.contains("sample-1.2.0"), "{members}");
}

#[test]
fn what_is_not_a_directory_of_the_project_cannot_be_vendored_to() {
    let sample = Sample::new();
    let program = sample.program("1");
    fs::create_dir(program.join("mine")).unwrap();
    fs::create_dir(program.join("mine/sample-1.2.0")).unwrap();
    let mine = program.join("mine");
    let outside = sample.path("elsewhere");
    for (directory, said) in [
        (outside.as_path(), "is not a directory below"),
        (program.as_path(), "is not a directory below"),
        (mine.as_path(), "is no copy that this tool made"),
    ] {
        let init = sample
            .tool("init")
            .arg(&program)
            .arg("--vendor")
            .arg(directory);
        assert_says(&init.run().failed(1), &[said]);
        assert!(!program.join(".cargo").exists(), "{said}");
        assert!(!program.join("Cargo.lock").exists(), "{said}");
    }
}

/// An empty repository that others fetch from, and its URL.
fn bare(sample: &Sample) -> (PathBuf, String) {
    let path = sample.path("overrides.git");
    fs::create_dir(&path).unwrap();
    git(&path, &["init", "--quiet", "--bare"]);
    let url = format!("file://{}", path.display());
    (path, url)
}

#[test]
fn a_project_builds_from_a_repository_and_goes_on_when_that_has_moved_on() {
    let sample = Sample::new();
    let program = sample.program("1");
    let (bare, url) = bare(&sample);
    let push = || sample.tool("branch").args(["--all", "--push", &url]).run();
    let init = |more: &[&str]| sample.tool("init").arg(&program).args(more).run();

    let said = init(&["--git", &url]).failed(1);
    assert_says(
        &said,
        &["does not have", "sample-1.2.0", "branch --all --push"],
    );
    assert!(!program.join(".cargo").exists());

    push().succeeded();
    init(&["--git", &url]).succeeded();
    let commit = git(&bare, &["rev-parse", "sample-1.2.0"]);
    let config = fs::read_to_string(program.join(".cargo/config.toml")).unwrap();
    let entry = format!(
        "sample = {{ git = \"{url}\", rev = \"{}\" }}",
        commit.trim()
    );
    assert_says(&config, &[&entry]);
    assert_eq!(built_in_a_clone(&sample, &program, "one"), "patched\n");
    assert_says(
        &doctor(&sample, &program).succeeded(),
        &["built from its patched tree"],
    );
    // A second time there is nothing to do.
    assert_says(&push().stderr, &["Fresh sample-1.2.0"]);

    // The branch moves on; what was built before can still be.
    change_the_series(&sample, "newer");
    push().succeeded();
    assert_ne!(git(&bare, &["rev-parse", "sample-1.2.0"]), commit);
    assert_eq!(built_in_a_clone(&sample, &program, "two"), "patched\n");
    init(&[]).succeeded();
    assert_eq!(built_in_a_clone(&sample, &program, "three"), "newer\n");
}

#[test]
fn a_branch_of_someone_elses_is_never_moved() {
    let sample = Sample::new();
    let (bare, url) = bare(&sample);
    let work = sample.path("work");
    fs::create_dir(&work).unwrap();
    git(&work, &["init", "--quiet"]);
    git(&work, &["commit", "--quiet", "--allow-empty", "-m", "Mine"]);
    git(
        &work,
        &["push", "--quiet", &url, "HEAD:refs/heads/sample-1.2.0"],
    );
    let commit = git(&bare, &["rev-parse", "sample-1.2.0"]);
    let push = sample.tool("branch").args(["sample", "--push", &url]);
    assert_says(
        &push.run().failed(1),
        &["did not put there", "nothing was pushed"],
    );
    assert_eq!(git(&bare, &["rev-parse", "sample-1.2.0"]), commit);
}
