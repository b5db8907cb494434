//! Cargo's JSON messages (`--message-format=json`), read in one way.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::thread;

use anyhow::{Context, Result};
pub use cargo_metadata::{CompilerMessage, Message, diagnostic};
use diagnostic::DiagnosticLevel;

use crate::child::{Watch, finish};
use crate::console::{Console, Verbosity};
use crate::process::Process;
use crate::{bounded, interrupt};

/// What becomes of cargo's standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stderr {
    /// It is this process's own.
    Shown,
    /// It is kept; a verbose console shows it as well, as it comes.
    Kept,
}

/// Runs a cargo command whose messages are JSON, and calls `each` with every
/// one of them; gives back what was kept, too.
pub fn run(
    process: Process,
    stderr: Stderr,
    console: &Console,
    each: impl FnMut(Message),
) -> Result<(ExitStatus, Vec<u8>)> {
    interrupt::refuse()?;
    let line = process.line();
    console.detail("Running", format!("`{line}`"));
    let mut command = process.into_command();
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(match stderr {
            Stderr::Shown => Stdio::inherit(),
            Stderr::Kept => Stdio::piped(),
        })
        .spawn()
        .with_context(|| format!("`{line}` could not start"))?;
    let shown = console.verbosity() >= Verbosity::Verbose;
    let watch = Watch::over(&child);
    let said = child.stderr.take().map(|pipe| {
        thread::spawn(move || {
            let seen = |bytes: &[u8]| {
                if shown {
                    let _ = std::io::stderr().write_all(bytes);
                }
            };
            bounded::read(pipe, bounded::TEXT, seen).bytes
        })
    });
    let stdout = child.stdout.take().expect("standard output is piped");
    let read = read(BufReader::new(stdout), each);
    if read.is_err() {
        let _ = child.kill();
    }
    drop(watch);
    let status = finish(&mut child).with_context(|| format!("`{line}` was waited for"))?;
    read.with_context(|| format!("the messages of `{line}`"))?;
    let said = said.map(|said| said.join().expect("reading does not panic"));
    Ok((status, said.unwrap_or_default()))
}

/// Calls `each` with every message that is in `output`.
pub fn read(output: impl BufRead, mut each: impl FnMut(Message)) -> Result<()> {
    for message in Message::parse_stream(output) {
        each(message.context("cargo's messages could not be read")?);
    }
    Ok(())
}

/// What cargo's messages say of the build of one program.
#[derive(Debug, Default)]
pub struct Built {
    /// The program's file, if it was built.
    pub program: Option<PathBuf>,
    /// The first error of what was compiled: crate, message and place.
    pub error: Option<String>,
}

impl Built {
    /// Notes what `message` says of the program `name`; without a name it is
    /// the errors alone.
    pub fn note(&mut self, message: Message, name: Option<&str>) {
        match message {
            Message::CompilerArtifact(artifact)
                if name == Some(&artifact.target.name) && artifact.executable.is_some() =>
            {
                self.program = artifact.executable.map(Into::into);
            }
            Message::CompilerMessage(said) if said.message.level == DiagnosticLevel::Error => {
                self.error.get_or_insert_with(|| described(&said));
            }
            _ => {}
        }
    }
}

/// An error in a line: crate, message and place.
fn described(said: &CompilerMessage) -> String {
    let place = said.message.spans.iter().find(|span| span.is_primary);
    let place = place.map_or(String::new(), |span| {
        format!(" ({}:{})", short(&span.file_name), span.line_start)
    });
    let code = said.message.code.as_ref();
    let code = code.map_or(String::new(), |code| format!("[{}]", code.code));
    let krate = package(&said.package_id.repr);
    format!("{krate}: error{code}: {}{place}", said.message.message)
}

/// The name and version in a package's identifier, as in
/// `registry+https://…#tokio@1.54.1` or `path+file:///…/tokio-1.54.1`.
pub fn package(identifier: &str) -> String {
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
}
