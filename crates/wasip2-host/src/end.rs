//! How a guest ended, and why: as a host's process tells it by its exit code,
//! and the guest by what it wrote.

use std::process::ExitStatus;

/// The exit code where `--timeout` stopped the guest, as coreutils' `timeout`.
pub const TIMED_OUT: u8 = 124;

/// The exit code where the guest trapped: that of a native program that
/// aborts (128 + SIGABRT), as the `wasmtime` command has it.
pub const TRAPPED: u8 = 134;

/// How a guest ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// With this exit code.
    Exit(u8),
    /// With a trap, and this is what the host says of it.
    Trap(String),
    /// Not within its time.
    TimeLimit,
}

impl End {
    /// How the guest of a host ended that was a process of its own, whichever
    /// host it was: `said` is what came to its standard error.
    pub fn of_process(status: ExitStatus, said: &str) -> End {
        match code(status) {
            TIMED_OUT => End::TimeLimit,
            TRAPPED => End::Trap(complaint(said).unwrap_or("it trapped").to_owned()),
            code => End::Exit(code),
        }
    }

    /// Why it is no success, in a line: the guest's panic, what the host says
    /// of a trap, or the error that `main` returned; nothing where nobody said.
    pub fn reason(&self, said: &str) -> Option<String> {
        first_panic(said).or_else(|| match self {
            End::Trap(reason) => Some(reason.clone()),
            End::Exit(_) => error(said).map(str::to_owned),
            End::TimeLimit => None,
        })
    }
}

/// The first panic that a guest tells of: its message and place.
pub fn first_panic(said: &str) -> Option<String> {
    let mut lines = said.lines();
    let place = lines.find_map(|line| line.split_once("panicked at "))?.1;
    let text = lines.next().unwrap_or_default().trim();
    Some(format!("{text} ({})", place.trim_end_matches(':')))
}

/// The first line that tells of an error, or the last one.
pub fn complaint(said: &str) -> Option<&str> {
    let last = || said.lines().map(str::trim).rfind(|line| !line.is_empty());
    error(said).or_else(last)
}

fn error(said: &str) -> Option<&str> {
    let mut lines = said.lines().map(str::trim);
    lines.find(|line| line.starts_with("Error: ") || line.starts_with("error: "))
}

/// The exit code that a process has ended with, as a shell shows it.
pub fn code(status: ExitStatus) -> u8 {
    match status.code() {
        Some(code) => u8::try_from(code).unwrap_or(u8::MAX),
        None => signalled(status),
    }
}

/// The exit code that a shell gives a process which a signal ended.
#[cfg(unix)]
fn signalled(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    status
        .signal()
        .and_then(|signal| u8::try_from(128 + signal).ok())
        .unwrap_or(u8::MAX)
}

/// Elsewhere a process always has an exit code.
#[cfg(not(unix))]
fn signalled(_status: ExitStatus) -> u8 {
    u8::MAX
}
