//! Says which hosts are on this machine, so that the tests that need one are
//! reported as ignored where it is missing, and not as passed; and what a cell
//! of the matrix follows from, so that it is run again when that has changed.

use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn main() {
    println!("cargo::rustc-check-cfg=cfg(has_node, has_wasmtime)");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=PATH");
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let repository = package.join("../..");
    println!(
        "cargo::rustc-env=WASIP2_JUDGES={:016x}",
        judges(&repository).expect("the checkout can be read")
    );
    let tools = repository.join("target/wasip2/tools");
    println!("cargo::rerun-if-changed={}", tools.display());
    if own_wasmtime(&tools) || which::which("wasmtime").is_ok() || has_pip() {
        println!("cargo::rustc-cfg=has_wasmtime");
    }
    if which::which("npm").is_ok() && node().is_some_and(|major| major >= 20) {
        println!("cargo::rustc-cfg=has_node");
    }
}

/// Whether `setup --wasmtime` has fetched or built the command.
fn own_wasmtime(tools: &Path) -> bool {
    let fetched = || {
        fs::read_dir(tools).is_ok_and(|mut entries| {
            entries.any(|entry| {
                entry.is_ok_and(|entry| {
                    let name = entry.file_name();
                    name.to_string_lossy().starts_with("wasmtime-")
                        && entry.path().join("wasmtime").is_file()
                })
            })
        })
    };
    tools.join("bin/wasmtime").is_file() || fetched()
}

/// Whether `setup --wasmtime` can fetch it within seconds, as tests then do.
fn has_pip() -> bool {
    Command::new("python3")
        .args(["-m", "pip", "--version"])
        .stdin(Stdio::null())
        .output()
        .is_ok_and(|output| output.status.success())
}

/// The major version of Node.js.
fn node() -> Option<u32> {
    let output = Command::new("node")
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// What builds, runs and judges the cells of the matrix: the sources of all
/// that this program is made of, and what it is built with.
const JUDGES: [&str; 4] = [
    "Cargo.lock",
    "Cargo.toml",
    "compat-tests/fixtures",
    "crates",
];

/// What has no say in them: the command, which hands over, and the rooms of
/// this program that look at patches, measure, or show what was found.
const BYSTANDERS: [&str; 15] = [
    "crates/cargo-wasip2",
    "crates/wasip2-lab/build.rs",
    "crates/wasip2-lab/src/bench",
    "crates/wasip2-lab/src/branch",
    "crates/wasip2-lab/src/bump",
    "crates/wasip2-lab/src/faults",
    "crates/wasip2-lab/src/lint",
    "crates/wasip2-lab/src/main.rs",
    "crates/wasip2-lab/src/matrix/diff.rs",
    "crates/wasip2-lab/src/matrix/merge.rs",
    "crates/wasip2-lab/src/matrix/report",
    "crates/wasip2-lab/src/matrix/shard.rs",
    "crates/wasip2-lab/src/page",
    "crates/wasip2-lab/src/readme.rs",
    "crates/wasip2-lab/src/test.rs",
];

/// A digest of [`JUDGES`] without [`BYSTANDERS`].
fn judges(repository: &Path) -> std::io::Result<u64> {
    let mut hasher = DefaultHasher::new();
    for bystander in BYSTANDERS {
        // One that was moved would count again, without a word.
        assert!(
            repository.join(bystander).exists(),
            "{bystander} is not there: correct the list in build.rs"
        );
    }
    for judge in JUDGES {
        println!(
            "cargo::rerun-if-changed={}",
            repository.join(judge).display()
        );
        add(repository, Path::new(judge), &mut hasher)?;
    }
    Ok(hasher.finish())
}

/// Adds the file `name`, or all below it, in the order of the names.
fn add(repository: &Path, name: &Path, hasher: &mut impl Hasher) -> std::io::Result<()> {
    if BYSTANDERS
        .iter()
        .any(|bystander| name == Path::new(bystander))
    {
        return Ok(());
    }
    let path = repository.join(name);
    if !path.is_dir() {
        name.hash(hasher);
        fs::read(path)?.hash(hasher);
        return Ok(());
    }
    let mut entries = fs::read_dir(&path)?
        .map(|entry| Ok(name.join(entry?.file_name())))
        .collect::<std::io::Result<Vec<PathBuf>>>()?;
    entries.sort();
    entries
        .iter()
        .try_for_each(|entry| add(repository, entry, hasher))
}
