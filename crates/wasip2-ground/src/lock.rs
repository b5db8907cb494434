//! Locks between processes of this tool.

use std::fmt::Display;
use std::fs::{File, TryLockError};
use std::time::Duration;

use anyhow::Result;

use crate::console::Console;
use crate::interrupt;

/// How often a lock is tried where Ctrl-C is noted, which a wait for it would
/// not see.
const PAUSE: Duration = Duration::from_millis(50);

/// Locks `file`, or the directory that it is, for as long as it is open. Where
/// another process has it, that is waited for; `what` says to what end.
///
/// # Errors
///
/// Where its file system has no locks, and after Ctrl-C.
pub fn wait(file: &File, what: impl Display, console: &Console) -> Result<()> {
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        if !std::mem::replace(&mut told, true) {
            console.status(
                "Blocking",
                format!("waiting for another process's lock on {what}"),
            );
        }
        if !interrupt::notes() {
            return Ok(file.lock()?);
        }
        interrupt::refuse()?;
        std::thread::sleep(PAUSE);
    }
}
