//! How a guest ends, as this process's exit code tells it.

use std::process::ExitStatus;

/// The exit code where `--timeout` stopped the guest, as coreutils' `timeout`.
pub const TIMED_OUT: u8 = 124;

/// The exit code where the guest trapped: that of a native program that
/// aborts (128 + SIGABRT), as the `wasmtime` command has it.
pub const TRAPPED: u8 = 134;

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
