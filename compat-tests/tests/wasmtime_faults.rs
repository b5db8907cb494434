//! Faults of the released Wasmtime, which what is built for WASI 0.3 does not
//! meet; `compat-tests/wasmtime/README.md` describes them.

use std::path::PathBuf;
use std::process::Command;

use crate::tool::{assert_says, bring_wasmtime, repository, repository_home};

/// The command that `setup --wasmtime` fetches, or the one on `PATH`.
fn program() -> PathBuf {
    bring_wasmtime();
    let tools = std::fs::read_dir(repository_home().join("tools"));
    let fetched = tools.into_iter().flatten().flatten().find_map(|entry| {
        let program = entry.path().join("wasmtime");
        program.is_file().then_some(program)
    });
    fetched.unwrap_or_else(|| which::which("wasmtime").unwrap())
}

/// The scripts, what the command says of them, and the first version that does
/// not say it any more.
const FAULTS: [(&str, &str, Option<u64>); 3] = [
    (
        "event-taken-by-another-task",
        "BUG: delivering non-present event",
        None,
    ),
    (
        "future-read-by-a-task-that-exited",
        "resource not present",
        None,
    ),
    ("two-tasks-wait-for-one-set", "deadlock detected", None),
];

#[test]
#[cfg_attr(
    not(has_wasmtime),
    ignore = "needs Python with pip, or `wasmtime` on PATH"
)]
fn a_newer_wasmtime_that_has_mended_one_is_noticed() {
    let program = program();
    let version = Command::new(&program).arg("--version").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let major = version.split([' ', '.']).nth(1).unwrap();
    let major: u64 = major.parse().unwrap();
    // They are about what 46 has brought.
    if major < 46 {
        return;
    }
    for (script, fault, mended) in FAULTS {
        let output = Command::new(&program)
            .arg("wast")
            .arg(repository().join(format!("compat-tests/wasmtime/{script}.wast")))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        if mended.is_some_and(|mended| major >= mended) {
            assert!(output.status.success(), "{script} is broken again: {said}");
            continue;
        }
        assert!(
            !output.status.success(),
            "{script} is mended in {version}: say so in FAULTS, and see whether the rule in \
             vendor-shims/wasi-waitable/src/export/mod.rs is still needed"
        );
        assert_says(&said, &[fault]);
    }
}
