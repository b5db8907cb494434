//! The one place where a program waits.

use std::cell::Cell;
use std::ffi::c_void;
use std::io;
use std::ptr;
use std::time::Duration;

use crate::{abi, run, set, task};

/// By how many nanoseconds a wait may be longer than asked for, rather than have
/// the host make another timer.
const SLACK: u64 = 50_000;

/// The host's timer for the next deadline.
#[derive(Clone, Copy)]
struct Alarm {
    subtask: u32,
    /// By the monotonic clock, in nanoseconds.
    deadline: u64,
}

thread_local! {
    static ALARM: Cell<Option<Alarm>> = const { Cell::new(None) };
}

/// `wait(timeout) -> io::Result<usize>`—Wait until something happens.
///
/// Takes the events of all waitables in the set that have some, and calls their
/// callbacks; if there are none, it first waits for one, at most for `timeout`.
/// `None` is without end, `Some(Duration::ZERO)` does not wait. The host's timer
/// counts nanoseconds; a wait may be 50 µs longer than asked for, or end early.
///
/// Futures that bindings have spawned in this task are polled, too.
///
/// Returns how many events there were, 0 if the time has passed.
///
/// # Errors
///
/// [`io::ErrorKind::Deadlock`] if there is no timeout and nothing is pending, so
/// that nothing could end the wait; [`io::ErrorKind::Unsupported`] if the program
/// was not started so that it may wait, see [`may_wait`](crate::may_wait).
///
/// # References
///
/// - [`waitable-set.wait`]
/// - [`wasi:clocks/monotonic-clock.wait-until`]
///
/// [`waitable-set.wait`]: https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md#-canon-waitable-setwait
/// [`wasi:clocks/monotonic-clock.wait-until`]: https://github.com/WebAssembly/WASI/blob/main/proposals/clocks/wit/monotonic-clock.wit
pub fn wait(timeout: Option<Duration>) -> io::Result<usize> {
    run::may_wait()?;
    if task::run_jobs() || timeout == Some(Duration::ZERO) {
        let events = set::look();
        task::run_jobs();
        return Ok(events);
    }
    match timeout {
        Some(timeout) => {
            let nanos = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
            // SAFETY: it has no preconditions.
            let now = unsafe { abi::now() };
            if set_alarm(now.saturating_add(nanos)) {
                return Ok(set::drain());
            }
        }
        None if pending() == 0 => return Err(deadlock()),
        None => {}
    }
    let events = set::block();
    task::run_jobs();
    Ok(events)
}

/// How many operations can have an event, besides the timer.
fn pending() -> usize {
    set::pending() - usize::from(ALARM.get().is_some())
}

/// Has the set have an event at `deadline`, or before. Returns `true` if that is
/// over.
fn set_alarm(deadline: u64) -> bool {
    if let Some(alarm) = ALARM.get() {
        // An earlier one is kept: it ends a wait too early, once.
        if alarm.deadline <= deadline.saturating_add(SLACK) {
            return false;
        }
        ALARM.set(None);
        // SAFETY: the subtask is in the set, and still running.
        unsafe {
            set::unregister(alarm.subtask);
            abi::subtask_cancel(alarm.subtask);
            abi::subtask_drop(alarm.subtask);
        }
    }
    // SAFETY: it has no preconditions.
    let packed = unsafe { abi::wait_until(deadline) };
    let subtask = packed >> 4;
    if packed & 15 == abi::RETURNED {
        return true;
    }
    ALARM.set(Some(Alarm { subtask, deadline }));
    // SAFETY: the import has just returned the subtask.
    unsafe { set::register(subtask, rang, ptr::null_mut()) };
    false
}

unsafe extern "C" fn rang(_: *mut c_void, code: u32) {
    let Some(Alarm { subtask, .. }) = ALARM.get() else {
        return;
    };
    // SAFETY: the subtask exists, and is dropped only if it is resolved.
    unsafe {
        if code < abi::RETURNED {
            set::register(subtask, rang, ptr::null_mut());
            return;
        }
        ALARM.set(None);
        abi::subtask_drop(subtask);
    }
}

fn deadlock() -> io::Error {
    io::Error::new(
        io::ErrorKind::Deadlock,
        "deadlock: waiting without a timeout while nothing is pending, nothing can end that",
    )
}
