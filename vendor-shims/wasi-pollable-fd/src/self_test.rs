//! The proof, once per process, that the private interface is the expected one.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::OnceLock;

use wasip2::clocks::monotonic_clock;
use wasip2::io::poll::Pollable;

use crate::descriptor;

/// How long a pollable that is ready at once may take to be reported. A host that
/// is busy with others may leave this program where it is for longer than the
/// first of them, between the two calls that a wait is made of.
const PATIENCE_MILLISECONDS: [i32; 2] = [1000, 5000];
/// The duration, in nanoseconds, of a timer that does not end during the test:
/// an hour. Not every host can count to what would be longer than any program
/// runs (Node.js ends a timer of over 24 days at once).
const NEVER: u64 = 3_600_000_000_000;

/// Runs the test, or tells how it went before.
pub(crate) fn passed() -> io::Result<()> {
    static OUTCOME: OnceLock<Result<(), String>> = OnceLock::new();

    OUTCOME.get_or_init(run).clone().map_err(|reason| {
        io::Error::new(
            io::ErrorKind::Unsupported,
            format!(
                "this wasi-libc cannot wait for a pollable through a file descriptor ({reason}): \
                 build with another one, or with a newer version of wasi-pollable-fd"
            ),
        )
    })
}

fn run() -> Result<(), String> {
    if !descriptor::is_supported() {
        return Err("it does not have the private functions for that".to_owned());
    }
    ready()?;
    if !descriptor::slots_known() {
        return Err("poll(2) did not ask for it".to_owned());
    }
    // Again, as all others will be.
    ready()?;
    match poll(NEVER, 0)? {
        (0, 0) => Ok(()),
        other => Err(format!("one that is not ready was reported as {other:?}")),
    }
}

fn ready() -> Result<(), String> {
    let mut reported = (0, 0);
    for patience in PATIENCE_MILLISECONDS {
        reported = poll(0, patience)?;
        match reported {
            (1, libc::POLLIN) => return Ok(()),
            (0, 0) => {}
            _ => break,
        }
    }
    Err(format!("one that is ready was reported as {reported:?}"))
}

/// Polls a timer of `duration` nanoseconds; gives back the number of ready
/// descriptors and the events.
fn poll(duration: u64, timeout: i32) -> Result<(i32, i16), String> {
    let timer = monotonic_clock::subscribe_duration(duration);
    let timer = descriptor::insert(timer, Pollable::handle).map_err(|error| error.to_string())?;
    let mut polled = libc::pollfd {
        fd: timer.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: the pointer is to one `pollfd`.
    let ready = unsafe { libc::poll(&mut polled, 1, timeout) };
    if ready < 0 {
        return Err(format!("poll(2) failed: {}", io::Error::last_os_error()));
    }
    Ok((ready, polled.revents))
}
