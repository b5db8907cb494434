//! Series that say which of their patches upstream can take, and what stops at
//! the end of a part.

use std::fs;
use std::path::Path;

use crate::sample::{Sample, patch};
use crate::tool::assert_says;

/// A sample with a patch in each part, each of which changes what it says.
fn sample() -> Sample {
    let sample = Sample::new();
    let patches = [
        ("0002-ask.patch", "    \"patched\"", "    \"asked\""),
        ("0003-keep.patch", "    \"asked\"", "    \"our own\""),
    ];
    for (name, old, new) in patches {
        fs::write(
            sample.series().join(name),
            patch("src/lib.rs", 10, old, new),
        )
        .unwrap();
    }
    let file = sample.series().join("series.toml");
    let text = fs::read_to_string(&file).unwrap()
        + "\n[patch.0001]\npart = \"A\"\n\n[patch.0002]\npart = \"B\"\nquestion = \"May it?\"\n\n\
           [patch.0003]\npart = \"local\"\n";
    fs::write(&file, text).unwrap();
    sample
}

/// What the program prints after `init` with these arguments.
fn says(sample: &Sample, program: &Path, arguments: &[&str]) -> String {
    let tool = sample.tool("init").arg(program).args(arguments);
    tool.run().succeeded();
    sample.cargo(program, &["run", "--quiet", "--locked"])
}

#[test]
fn a_project_stops_at_a_part_until_it_is_told_otherwise() {
    let sample = sample();
    let program = sample.program("1");
    let vendor = program.join("vendor");
    let doctor = |said: &str| {
        let manifest = program.join("Cargo.toml");
        let doctor = sample.tool("doctor").arg("--manifest-path").arg(&manifest);
        assert_says(&doctor.run().stdout, &[said]);
    };
    assert_eq!(says(&sample, &program, &[]), "our own\n");
    assert_eq!(says(&sample, &program, &["--upstreamable"]), "asked\n");
    doctor("patched up to part B of each series");
    doctor("sample v1.2.0: built from its patched tree");
    // As with everything that is chosen once.
    assert_eq!(says(&sample, &program, &[]), "asked\n");
    assert_eq!(says(&sample, &program, &["--parts", "A"]), "patched\n");
    doctor("patched up to part A of each series");
    assert_eq!(
        says(&sample, &program, &["--vendor", vendor.to_str().unwrap()]),
        "patched\n"
    );
    assert_eq!(says(&sample, &program, &[]), "patched\n");
    doctor("sample v1.2.0: built from its patched tree");

    let before = fs::read(program.join(".cargo/config.toml")).unwrap();
    let refused = sample
        .tool("init")
        .arg(&program)
        .arg("--git")
        .arg("https://example.invalid/fork")
        .run()
        .failed(1);
    assert_says(
        &refused,
        &[
            "has every series whole",
            "`--parts A`",
            "nothing was changed",
        ],
    );
    assert_eq!(
        fs::read(program.join(".cargo/config.toml")).unwrap(),
        before
    );

    assert_eq!(says(&sample, &program, &["--parts", "local"]), "our own\n");
}

#[test]
fn trees_of_parts_stand_beside_each_other() {
    let sample = sample();
    let tree = |arguments: &[&str]| {
        let tool = sample.tool("apply").args(arguments);
        let tree = tool.run().succeeded().trim().to_owned();
        let library = fs::read_to_string(Path::new(&tree).join("src/lib.rs")).unwrap();
        (tree, library)
    };
    let (whole, _) = tree(&[]);
    let (first, library) = tree(&["--parts", "A"]);
    assert!(library.contains("\"patched\""), "{library}");
    let (asked, library) = tree(&["--upstreamable"]);
    assert!(library.contains("\"asked\""), "{library}");
    assert!(whole != first && first != asked && asked != whole);
    assert!(
        fs::read_to_string(Path::new(&whole).join("src/lib.rs"))
            .unwrap()
            .contains("our own")
    );

    // One says which, and no other word is taken.
    let wrong = sample.tool("apply").arg("--parts").arg("C").run().failed(2);
    assert_says(&wrong, &["[possible values: A, B, local]"]);
}

#[test]
fn a_pull_request_puts_the_question_and_ours_are_left_out() {
    let sample = sample();
    let out = sample.path("out");
    let branch = |parts: &str| {
        let _ = fs::remove_dir_all(&out);
        let tool = sample
            .tool("branch")
            .arg("sample")
            .arg("--split")
            .arg("--pr");
        tool.arg("--parts")
            .arg(parts)
            .arg("--out")
            .arg(&out)
            .run()
            .succeeded();
        let mut texts: Vec<String> = fs::read_dir(out.join(".git/pull-requests"))
            .unwrap()
            .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect();
        texts.sort();
        texts
    };
    // One for the whole, and one for each.
    assert_eq!(branch("A").len(), 2);
    assert!(!branch("A").concat().contains("question"));
    let texts = branch("B");
    assert_eq!(texts.len(), 3);
    let asking: Vec<&String> = texts
        .iter()
        .filter(|text| text.contains("A question first: May it?\n"))
        .collect();
    assert_eq!(asking.len(), 2, "{texts:#?}");
}
