//! Git, as the series pipeline uses it: no configuration of the user's has a
//! say, so that the same inputs make the same commits everywhere, and no hook
//! of theirs runs.

use std::ffi::OsStr;
use std::path::Path;

use anyhow::Result;
use wasip2_ground::process::quoted_tail;
use wasip2_ground::{Console, Process};

/// Who commits what the tool commits.
const NAME: &str = "cargo-wasip2";
const EMAIL: &str = "cargo-wasip2@localhost.invalid";
/// When: a constant, so that a tree's commits have the same names everywhere.
const DATE: &str = "2026-01-01T00:00:00Z";

/// A git command in `directory`.
pub fn git(directory: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Process {
    let mut process = Process::new("git")
        .or_install("install git: the series are applied with `git am`")
        .current_dir(directory);
    // A hook or a `git rebase` that runs this tool must not redirect it, nor must
    // what a shell has for other repositories.
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"GIT_") {
            process = process.env_remove(name);
        }
    }
    process = process
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_ATTR_NOSYSTEM", "1")
        // No template, neither the user's nor the system's: they hold hooks.
        .env("GIT_TEMPLATE_DIR", "")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C");
    for role in ["AUTHOR", "COMMITTER"] {
        process = process
            .env(format!("GIT_{role}_NAME"), NAME)
            .env(format!("GIT_{role}_EMAIL"), EMAIL)
            .env(format!("GIT_{role}_DATE"), DATE);
    }
    process
        .args([
            "-c",
            "init.defaultBranch=main",
            "-c",
            "core.autocrlf=false",
            "-c",
            "core.fileMode=false",
            "-c",
            "core.fsync=none",
            "-c",
            "core.hooksPath=/dev/null",
            // Else git finds them in the user's home.
            "-c",
            "core.attributesFile=/dev/null",
            "-c",
            "core.excludesFile=/dev/null",
            "-c",
            "commit.gpgSign=false",
            "-c",
            "gc.auto=0",
            "-c",
            "advice.detachedHead=false",
        ])
        .args(arguments)
}

/// What git prints in `directory`, without the line's end.
pub fn read(directory: &Path, arguments: &[&str], console: &Console) -> Result<String> {
    let printed = git(directory, arguments).read(console)?;
    Ok(printed.trim().to_owned())
}

/// Commits `patch` in `directory`; gives back what git complained of where it
/// does not apply.
pub fn apply(directory: &Path, patch: &Path, console: &Console) -> Result<Option<String>> {
    let applied = git(directory, ["am", "--quiet", "--keep-cr"])
        .arg(patch)
        .output(console)?;
    Ok((!applied.status.success()).then(|| quoted_tail(&applied.stderr, 12)))
}
