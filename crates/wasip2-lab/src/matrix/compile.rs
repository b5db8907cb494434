//! Runs cargo and keeps the first error of what it compiles.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use cargo_metadata::Message;
use cargo_metadata::diagnostic::DiagnosticLevel;

use wasip2_ground::child;
use wasip2_ground::process::Process;

/// What the system says where a disk is full.
const FULL: &str = "No space left on device";

/// What came of it.
#[derive(Debug)]
pub enum Compiled {
    /// The program of the name that was asked for, if one was built.
    Well(Option<PathBuf>),
    /// Not at all, for this.
    Failed(String),
    /// It took too long, and was stopped.
    Stopped,
}

/// Runs a cargo command whose messages are JSON, within `limit`.
pub fn run(process: Process, program: Option<&str>, limit: Duration) -> Result<Compiled> {
    let ended = child::run(process.into_command(), limit)?;
    let Some(status) = ended.status else {
        return Ok(Compiled::Stopped);
    };
    let mut built = None;
    let mut first = None;
    for message in Message::parse_stream(&*ended.stdout) {
        match message? {
            Message::CompilerArtifact(artifact)
                if program == Some(artifact.target.name.as_str())
                    && artifact.executable.is_some() =>
            {
                built = artifact.executable.map(|path| path.into_std_path_buf());
            }
            Message::CompilerMessage(said) if said.message.level == DiagnosticLevel::Error => {
                first.get_or_insert_with(|| {
                    let place = said.message.spans.iter().find(|span| span.is_primary);
                    let place = place.map_or(String::new(), |span| {
                        format!(" ({}:{})", short(&span.file_name), span.line_start)
                    });
                    let code = said
                        .message
                        .code
                        .map_or(String::new(), |code| format!("[{}]", code.code));
                    let krate = package(&said.package_id.repr);
                    format!("{krate}: error{code}: {}{place}", said.message.message)
                });
            }
            _ => {}
        }
    }
    if status.success() {
        return Ok(Compiled::Well(built));
    }
    let said = String::from_utf8_lossy(&ended.stderr);
    refuse_full_disk(&said)?;
    Ok(Compiled::Failed(first.unwrap_or_else(|| cargos(&said))))
}

/// A full disk says nothing of a crate: it ends everything.
pub fn refuse_full_disk(said: &str) -> Result<()> {
    if said.contains(FULL) {
        bail!(
            "a disk is full ({FULL}): make room, `cargo clean` in the checkout makes most, and run \
             the same command again; what was done is kept"
        );
    }
    Ok(())
}

/// Cargo's own error and what led to it, where no compiler said anything.
fn cargos(said: &str) -> String {
    let from = said.find("error").unwrap_or(0);
    let lines: Vec<&str> = said[from..]
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("warning"))
        .take(6)
        .collect();
    lines.join(" ")
}

/// The name and version in a package's identifier, as in
/// `registry+https://…#tokio@1.54.1` or `path+file:///…/tokio-1.54.1`.
fn package(identifier: &str) -> String {
    let last = identifier.rsplit('/').next().unwrap_or(identifier);
    match last.split_once('#') {
        Some((_, version)) if version.contains('@') => version.replace('@', " "),
        Some((name, version)) if version.starts_with(|c: char| c.is_ascii_digit()) => {
            let name = name
                .strip_suffix(version)
                .map_or(name, |name| name.trim_end_matches('-'));
            format!("{name} {version}")
        }
        _ => last.to_owned(),
    }
}

/// The path of a source file from its package on.
fn short(file: &str) -> &str {
    file.rfind("/src/").map_or(file, |at| &file[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_named_shortly() {
        assert_eq!(package("registry+https://x/y#tokio@1.54.1"), "tokio 1.54.1");
        assert_eq!(
            package("path+file:///a/b/tokio-1.54.1#1.54.1"),
            "tokio 1.54.1"
        );
        assert_eq!(package("path+file:///a/guest#0.1.0"), "guest 0.1.0");
        assert_eq!(package("path+file:///a/tree#tokio@1.54.1"), "tokio 1.54.1");
    }

    #[test]
    fn cargos_own_error_is_found() {
        let said = "    Updating index\nerror: no matching package named `nope` found\nlocation \
                    searched: crates.io index\n";
        assert_eq!(
            cargos(said),
            "error: no matching package named `nope` found location searched: crates.io index"
        );
    }
}
