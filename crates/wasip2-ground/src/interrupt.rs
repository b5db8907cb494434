//! What Ctrl-C does.
//!
//! Where nothing is said here, the signal ends this process, as any other. A
//! program that has something to put in order says so once.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};

/// The exit code after Ctrl-C, as a shell has it (128 + SIGINT).
pub const INTERRUPTED: u8 = 130;

/// Whether [`note`] was called.
static NOTES: AtomicBool = AtomicBool::new(false);

/// Whether Ctrl-C was pressed since.
static NOTED: AtomicBool = AtomicBool::new(false);

/// From now on the first Ctrl-C does `first`; a second one ends this process at
/// once.
pub fn on_ctrl_c(mut first: impl FnMut() + Send + 'static) -> Result<()> {
    let mut pressed = false;
    ctrlc::set_handler(move || {
        if std::mem::replace(&mut pressed, true) {
            std::process::exit(INTERRUPTED.into());
        }
        first();
    })
    .context("Ctrl-C could not be listened to")
}

/// From now on Ctrl-C is noted: it ends the program that is run to its end, and
/// makes that an error, so that whoever is at something can put it in order.
pub fn note() -> Result<()> {
    if notes() {
        return Ok(());
    }
    on_ctrl_c(|| NOTED.store(true, Ordering::SeqCst))?;
    NOTES.store(true, Ordering::SeqCst);
    Ok(())
}

/// Whether Ctrl-C is noted.
pub fn notes() -> bool {
    NOTES.load(Ordering::SeqCst)
}

/// Whether it was pressed.
pub fn noted() -> bool {
    NOTED.load(Ordering::SeqCst)
}

/// An error where it was pressed.
pub fn refuse() -> Result<()> {
    if noted() {
        bail!("interrupted");
    }
    Ok(())
}
