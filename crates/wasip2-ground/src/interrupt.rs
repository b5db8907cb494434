//! What Ctrl-C does.
//!
//! Where nothing is said here, the signal ends this process, as any other. A
//! program that has something to put in order says so once.

use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(unix)]
use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// The exit code after Ctrl-C, as a shell has it (128 + SIGINT).
pub const INTERRUPTED: u8 = 130;

/// How long the handler may take to be told. Where only the other program got
/// the signal, that long is waited for nothing.
#[cfg(unix)]
const SETTLED: Duration = Duration::from_secs(1);

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

/// Has Ctrl-C be noted where it ended another program, that ended with `status`:
/// that may be seen before the signal has come to its handler here.
pub fn heed(status: ExitStatus) {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        let ended_by_it = status.signal() == Some(rustix::process::Signal::INT.as_raw());
        let until = Instant::now() + SETTLED;
        while ended_by_it && notes() && !noted() && Instant::now() < until {
            thread::sleep(Duration::from_millis(1));
        }
    }
    #[cfg(not(unix))]
    let _ = status;
}

/// An error where it was pressed.
pub fn refuse() -> Result<()> {
    if noted() {
        bail!("interrupted");
    }
    Ok(())
}
