//! `cargo wasip2 init`: what it writes, what it keeps, what it refuses.

use std::fs;
use std::path::Path;

use crate::sample::Sample;
use crate::tool::assert_says;

fn read(directory: &Path, name: &str) -> String {
    fs::read_to_string(directory.join(name)).unwrap_or_default()
}

#[test]
fn a_project_is_built_from_the_patched_tree_until_it_is_undone() {
    let sample = Sample::new();
    let program = sample.program("1");
    assert_eq!(sample.cargo(&program, &["run", "--quiet"]), "released\n");
    let lock = read(&program, "Cargo.lock");

    sample.tool("init").arg(&program).run().succeeded();
    assert_eq!(
        sample.cargo(&program, &["run", "--quiet", "--locked"]),
        "patched\n"
    );
    let config = read(&program, ".cargo/config.toml");
    assert_says(
        &config,
        &[
            "[patch.crates-io]\nsample = { path = \"",
            "[target.wasm32-wasip2]\nrunner = [\"",
            "\"host\", \"--network\"",
        ],
    );

    // Once more changes nothing.
    sample.tool("init").arg(&program).run().succeeded();
    assert_eq!(read(&program, ".cargo/config.toml"), config);

    sample
        .tool("init")
        .arg(&program)
        .arg("--remove")
        .run()
        .succeeded();
    assert!(!program.join(".cargo").exists());
    assert_eq!(read(&program, "Cargo.lock"), lock);
    assert_eq!(sample.cargo(&program, &["run", "--quiet"]), "released\n");
}

#[test]
fn what_stands_in_the_configuration_stays() {
    let sample = Sample::new();
    let program = sample.program("1");
    fs::create_dir(program.join(".cargo")).unwrap();
    let before = "# My settings.\n[alias]\nr = \"run\" # short\n\n[target.wasm32-wasip2]\nrunner \
                  = \"mine\"\n";
    fs::write(program.join(".cargo/config.toml"), before).unwrap();
    let said = sample.tool("init").arg(&program).run();
    assert_says(
        &said.stderr,
        &["already sets a runner for wasm32-wasip2, which stays: \"mine\""],
    );
    said.succeeded();
    let config = read(&program, ".cargo/config.toml");
    assert!(config.starts_with(before), "{config}");
    assert_says(&config, &["sample = { path ="]);

    sample
        .tool("init")
        .arg(&program)
        .arg("--remove")
        .run()
        .succeeded();
    assert_eq!(read(&program, ".cargo/config.toml"), before);
}

#[test]
fn a_lock_file_on_another_version_is_moved() {
    let sample = Sample::new();
    let program = sample.program("1");
    sample.cargo(&program, &["update", "--quiet"]);
    sample.cargo(
        &program,
        &[
            "update",
            "--quiet",
            "--package",
            "sample",
            "--precise",
            "1.0.0",
        ],
    );
    let said = sample.tool("init").arg(&program).run();
    assert_says(&said.stderr, &["Overriding sample v1.0.0 -> v1.2.0"]);
    said.succeeded();
    assert_eq!(
        sample.cargo(&program, &["run", "--quiet", "--locked"]),
        "patched\n"
    );
}

#[test]
fn an_override_that_cargo_would_ignore_is_an_error_that_names_who() {
    let sample = Sample::new();
    let program = sample.program("=1.0.0");
    sample.cargo(&program, &["update", "--quiet"]);
    let lock = read(&program, "Cargo.lock");
    let said = sample.tool("init").arg(&program).run().failed(1);
    assert_says(
        &said,
        &[
            "sample v1.0.0 locked (pulled in by program v0.1.0)",
            "would be ignored",
        ],
    );
    assert_eq!(
        read(&program, "Cargo.lock"),
        lock,
        "the lock file is as it was"
    );
    assert!(
        !program.join(".cargo").exists(),
        "no configuration is left behind"
    );
}

/// Has the program in `directory` depend on `sample` 2, too, in this table.
fn depend_on_second_line(directory: &Path, table: &str) {
    let newer = "newer = { package = \"sample\", version = \"2\" }\n";
    let manifest = read(directory, "Cargo.toml") + "\n" + table + "\n" + newer;
    fs::write(directory.join("Cargo.toml"), manifest).unwrap();
}

#[test]
fn a_release_line_without_a_series_is_named_and_the_rest_is_patched() {
    let sample = Sample::new();
    let program = sample.program("1");
    depend_on_second_line(&program, "[target.wasm32-wasip2.dependencies]");
    let who = "sample v2.0.0 (pulled in by program v0.1.0) is of a release line without a series";

    let said = sample
        .tool("init")
        .arg(&program)
        .arg("--strict")
        .run()
        .failed(1);
    assert_says(&said, &[who, "no `cargo update` removes it"]);
    assert!(!program.join(".cargo").exists());

    let said = sample.tool("init").arg(&program).run();
    assert_says(&said.stderr, &[&format!("warning: {who}")]);
    said.succeeded();
    assert_eq!(
        sample.cargo(&program, &["run", "--quiet", "--locked"]),
        "patched\n"
    );

    sample
        .tool("init")
        .arg(&program)
        .args(["--strict", "--allow", "sample@2.0.0"])
        .run()
        .succeeded();
}

#[test]
fn what_is_not_built_for_this_target_refuses_nothing() {
    let sample = Sample::new();
    let program = sample.program("1");
    depend_on_second_line(&program, "[target.'cfg(windows)'.dependencies]");
    let said = sample.tool("init").arg(&program).arg("--strict").run();
    assert!(!said.stderr.contains("warning"), "{}", said.stderr);
    said.succeeded();
}

#[test]
fn the_update_that_removes_an_old_line_is_named_and_can_be_done() {
    let sample = Sample::new();
    sample.second_line();
    fs::remove_dir_all(sample.series()).unwrap();
    let program = sample.program(">=1, <3");
    sample.cargo(&program, &["update", "--quiet"]);
    sample.cargo(
        &program,
        &["update", "--quiet", "sample", "--precise", "1.0.0"],
    );

    let said = sample
        .tool("init")
        .arg(&program)
        .arg("--strict")
        .run()
        .failed(1);
    assert_says(&said, &["sample v1.0.0", "`cargo wasip2 init --update`"]);

    sample
        .tool("init")
        .arg(&program)
        .args(["--strict", "--update"])
        .run()
        .succeeded();
    assert_eq!(
        sample.cargo(&program, &["run", "--quiet", "--locked"]),
        "patched too\n"
    );
}

#[test]
fn c_without_a_compiler_is_named_and_no_variable_is_set_unasked() {
    let sample = Sample::new();
    let program = sample.program("1");
    for (name, manifest) in [
        ("cc", ""),
        ("with-c", "[build-dependencies]\ncc.path = \"../cc\"\n"),
    ] {
        let directory = program.join(name);
        fs::create_dir_all(directory.join("src")).unwrap();
        fs::write(directory.join("src/lib.rs"), "").unwrap();
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n{manifest}"
        );
        fs::write(directory.join("Cargo.toml"), manifest).unwrap();
    }
    let manifest =
        read(&program, "Cargo.toml").replace("sample = ", "with-c.path = \"with-c\"\nsample = ");
    fs::write(program.join("Cargo.toml"), manifest).unwrap();

    let said = sample.tool("init").arg(&program).arg("--no-c").run();
    assert_says(
        &said.stderr,
        &[
            "with-c v1.0.0 (pulled in by program v0.1.0): it has C in it",
            "but for the crate above",
        ],
    );
    said.succeeded();
    assert!(!read(&program, ".cargo/config.toml").contains("[env]"));

    // The user's own compiler is the user's matter.
    let said = sample
        .tool("init")
        .arg(&program)
        .env("CC_wasm32_wasip2", "my-clang")
        .run();
    assert!(!said.stderr.contains("with-c"), "{}", said.stderr);
    said.succeeded();
    assert!(!read(&program, ".cargo/config.toml").contains("[env]"));

    let doctor = sample
        .tool("doctor")
        .arg("--manifest-path")
        .arg(program.join("Cargo.toml"))
        .run();
    assert_says(
        &doctor.stdout,
        &["ok      sample v1.2.0", "broken  with-c v1.0.0"],
    );
    doctor.failed(1);
}

#[test]
fn two_release_lines_of_one_crate_are_both_overridden() {
    let sample = Sample::new();
    sample.second_line();
    let program = sample.program("1");
    let manifest = read(&program, "Cargo.toml").replace(
        "sample = \"1\"",
        "sample = \"1\"\nnewer = { package = \"sample\", version = \"2\" }",
    );
    fs::write(program.join("Cargo.toml"), manifest).unwrap();
    fs::write(
        program.join("src/main.rs"),
        "fn main() {\n    println!(\"{} {}\", sample::origin(), newer::origin());\n}\n",
    )
    .unwrap();
    assert_eq!(
        sample.cargo(&program, &["run", "--quiet"]),
        "released released\n"
    );

    sample.tool("init").arg(&program).run().succeeded();
    assert_eq!(
        sample.cargo(&program, &["run", "--quiet", "--locked"]),
        "patched patched too\n"
    );
    let config = read(&program, ".cargo/config.toml");
    assert_says(
        &config,
        &["sample = { path =", "= { package = \"sample\", path ="],
    );
    // Once more changes nothing, and each line has its own tree.
    sample.tool("init").arg(&program).run().succeeded();
    assert_eq!(read(&program, ".cargo/config.toml"), config);
    let said = sample.tool("apply").arg("sample@2.1").run().succeeded();
    assert!(said.trim().ends_with("sample-2.1.0"), "{said}");

    sample
        .tool("init")
        .arg(&program)
        .arg("--remove")
        .run()
        .succeeded();
    assert!(!program.join(".cargo").exists());
    assert_eq!(
        sample.cargo(&program, &["run", "--quiet"]),
        "released released\n"
    );
}

#[test]
fn a_configuration_that_cannot_be_parsed_is_left_alone() {
    let sample = Sample::new();
    let program = sample.program("1");
    sample.cargo(&program, &["update", "--quiet"]);
    fs::create_dir(program.join(".cargo")).unwrap();
    fs::write(program.join(".cargo/config.toml"), "[patch\n").unwrap();
    let said = sample.tool("init").arg(&program).run().failed(1);
    assert_says(
        &said,
        &["config.toml is not valid TOML; nothing was changed"],
    );
    assert_eq!(read(&program, ".cargo/config.toml"), "[patch\n");
}

#[test]
fn an_override_of_the_users_own_is_respected() {
    let sample = Sample::new();
    let program = sample.program("1");
    fs::create_dir(program.join(".cargo")).unwrap();
    let own = format!(
        "[patch.crates-io]\nsample = {{ path = {:?} }}\n",
        sample.path("published/sample-1.2.0")
    );
    fs::write(program.join(".cargo/config.toml"), &own).unwrap();
    let said = sample.tool("init").arg(&program).run().failed(1);
    assert_says(&said, &["already overrides sample", "--except sample"]);
    assert_eq!(read(&program, ".cargo/config.toml"), own);
    sample
        .tool("init")
        .arg(&program)
        .args(["--except", "sample"])
        .run()
        .succeeded();
}

#[test]
fn a_directory_without_a_project_is_named() {
    let sample = Sample::new();
    let said = sample
        .tool("init")
        .arg(sample.path("patches"))
        .run()
        .failed(1);
    assert_says(&said, &["is not a cargo project", "cargo new"]);
}

#[test]
fn threads_are_a_flag_that_stays_until_it_is_undone() {
    let sample = Sample::new();
    let program = sample.program("1");
    let flags = "rustflags = [\"--cfg\", \"wasip2_threads\", \"-C\", \"link-arg=--export-table\"]";
    for arguments in [&["--threads"][..], &[]] {
        let init = sample.tool("init").arg(&program).args(arguments);
        init.run().succeeded();
        assert_says(&read(&program, ".cargo/config.toml"), &[flags]);
    }
    let remove = sample.tool("init").arg(&program).arg("--remove");
    remove.run().succeeded();
    assert!(!program.join(".cargo").exists());

    // The project's own flags stay, and cargo joins them with ours.
    fs::create_dir(program.join(".cargo")).unwrap();
    let theirs = "[target.wasm32-wasip2]\nrustflags = [\"-Copt-level=1\"]\n";
    fs::write(program.join(".cargo/config.toml"), theirs).unwrap();
    let init = sample.tool("init").arg(&program).arg("--threads");
    init.run().succeeded();
    let both = read(&program, ".cargo/config.toml");
    assert_says(&both, &[flags, "rustflags = [\"-Copt-level=1\"]"]);
    let init = sample.tool("init").arg(&program).args(["--wasi", "0.3"]);
    assert_says(&init.run().failed(1), &["for WASI 0.2 only"]);
    assert_eq!(read(&program, ".cargo/config.toml"), both);
    let remove = sample.tool("init").arg(&program).arg("--remove");
    remove.run().succeeded();
    assert_eq!(read(&program, ".cargo/config.toml"), theirs);
}
