//! Runs other programs, so that a failure tells which one, where and why.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::child::{Signal, Watch, collect, end_with_this_process, finish};
use crate::console::{Console, Verbosity};
use crate::{bounded, interrupt};

/// A command to run to its end.
#[derive(Debug)]
pub struct Process {
    command: Command,
    /// What to do where the program is not on this machine.
    install: Option<String>,
}

impl Process {
    /// A command named `program`, found on `PATH`; standard input is empty.
    pub fn new(program: impl AsRef<OsStr>) -> Process {
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        Process {
            command,
            install: None,
        }
    }

    /// What the error says to do where the program is missing.
    pub fn or_install(mut self, advice: impl Into<String>) -> Process {
        self.install = Some(advice.into());
        self
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Process {
        self.command.arg(argument);
        self
    }

    /// Adds several arguments.
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Process {
        self.command.args(arguments);
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Process {
        self.command.env(name, value);
        self
    }

    /// Takes an environment variable away.
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Process {
        self.command.env_remove(name);
        self
    }

    /// Sets the working directory.
    pub fn current_dir(mut self, directory: impl AsRef<Path>) -> Process {
        self.command.current_dir(directory);
        self
    }

    /// Has it end with this process, whatever ends that.
    pub fn ending_with_this(mut self) -> Process {
        end_with_this_process(&mut self.command, Signal::Terminate);
        self
    }

    /// The command as a person would type it.
    pub fn line(&self) -> String {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        words.map(quoted).collect::<Vec<_>>().join(" ")
    }

    /// Runs it and gives back what it wrote, whatever its exit status. Of its
    /// standard error the middle is left out where it is long.
    pub fn output(mut self, console: &Console) -> Result<Output> {
        interrupt::refuse()?;
        let line = self.line();
        console.detail("Running", format!("`{line}`"));
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = self.command.spawn();
        let mut child = self.started(child)?;
        let watch = Watch::over(&child);
        let stderr = collect(child.stderr.take());
        let stdout = child.stdout.take().expect("standard output is piped");
        let stdout = bounded::read(stdout, bounded::DATA, |_| {});
        let stderr = stderr.recv().unwrap_or_default().bytes;
        drop(watch);
        let status = finish(&mut child)?;
        if console.verbosity() >= Verbosity::Verbose {
            let _ = std::io::Write::write_all(&mut std::io::stderr(), &stderr);
        }
        ensure!(
            stdout.left_out == 0,
            "`{line}` printed more than {} MiB, which is more than is read of it: is it the \
             program that is meant?",
            bounded::DATA >> 20
        );
        Ok(Output {
            status,
            stdout: stdout.bytes,
            stderr,
        })
    }

    /// Runs it and gives back its standard output; any other exit status than
    /// success is an error that shows the last lines of its standard error.
    pub fn read(self, console: &Console) -> Result<String> {
        let line = self.line();
        let output = self.output(console)?;
        if !output.status.success() {
            bail!(
                "`{line}` failed ({}){}",
                output.status,
                quoted_tail(&output.stderr, 20)
            );
        }
        String::from_utf8(output.stdout)
            .with_context(|| format!("`{line}` printed something that is not UTF-8"))
    }

    /// Runs it with this process's own terminal; gives back whether it
    /// succeeded and its exit code.
    pub fn status(mut self, console: &Console) -> Result<std::process::ExitStatus> {
        console.detail("Running", format!("`{}`", self.line()));
        self.command.stdin(Stdio::inherit());
        let status = self.command.status();
        let status = self.started(status)?;
        interrupt::heed(status);
        Ok(status)
    }

    /// The bare command, for a caller that keeps the child.
    pub fn into_command(self) -> Command {
        self.command
    }

    fn started<T>(&self, result: std::io::Result<T>) -> Result<T> {
        let program = self.command.get_program().to_string_lossy();
        match result {
            Ok(value) => Ok(value),
            Err(error) if error.kind() == ErrorKind::NotFound => match &self.install {
                Some(advice) => bail!("`{program}` is not installed; {advice}"),
                None => bail!("`{program}` was not found on PATH"),
            },
            Err(error) => Err(error).with_context(|| format!("`{}` could not start", self.line())),
        }
    }
}

/// A word as a person would type it into a shell. shlex alone would quote each
/// `--flag=a,b`, too.
fn quoted(word: &OsStr) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "+-./:@_=,".contains(c);
    let word = word.to_string_lossy().into_owned();
    if !word.is_empty() && word.chars().all(plain) {
        return word;
    }
    // Only a zero byte cannot be quoted, and no command has one.
    shlex::try_quote(&word).map_or(word.clone(), Cow::into_owned)
}

/// The last `lines` lines of `text`, indented, on lines of their own.
pub fn quoted_tail(text: &[u8], lines: usize) -> String {
    let text = String::from_utf8_lossy(text);
    let all: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let mut quoted = String::new();
    for line in &all[all.len().saturating_sub(lines)..] {
        quoted.push_str("\n  ");
        quoted.push_str(line);
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_a_person_would_type() {
        let process = Process::new("cargo").args(["run", "--features=a,b", "a;b", "it's", ""]);
        assert_eq!(
            process.line(),
            r#"cargo run --features=a,b 'a;b' "it's" ''"#
        );
    }
}
