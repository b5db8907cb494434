//! The one place where a program waits.

use std::cell::Cell;
use std::ffi::c_void;
use std::io;
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

/// What becomes of the next wait.
#[derive(Clone, Copy)]
enum Deferred {
    /// It is done.
    No,
    /// It is left to the host.
    Asked,
    /// It was left to the host, with this timeout.
    Wait(Option<Duration>),
}

thread_local! {
    static ALARM: Cell<Option<Alarm>> = const { Cell::new(None) };
    static DEFERRED: Cell<Deferred> = const { Cell::new(Deferred::No) };
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
    let deferred = matches!(DEFERRED.replace(Deferred::No), Deferred::Asked);
    if deferred || task::run_jobs() || timeout == Some(Duration::ZERO) {
        let events = match deferred {
            true => set::drain(),
            false => set::look(),
        };
        let ran = task::run_jobs();
        if deferred && !ran && events == 0 && timeout != Some(Duration::ZERO) {
            DEFERRED.set(Deferred::Wait(timeout));
        }
        return Ok(events);
    }
    match timeout {
        Some(timeout) if set_alarm_in(timeout) => return Ok(set::drain()),
        None if pending() == 0 => return Err(deadlock()),
        Some(_) | None => {}
    }
    let events = set::block();
    task::run_jobs();
    Ok(events)
}

/// `defer_wait(park) -> Option<Option<Duration>>`—Leave a wait to the host.
///
/// While `park` runs, the first [`wait`] takes the events that are there, and
/// does not wait for more. This is for an [`Executor`](crate::export::Executor),
/// whose task waits by returning to its host.
///
/// Returns the timeout of that wait, if there were no events and it would have
/// waited.
pub fn defer_wait(park: impl FnOnce()) -> Option<Option<Duration>> {
    DEFERRED.set(Deferred::Asked);
    park();
    match DEFERRED.replace(Deferred::No) {
        Deferred::Wait(timeout) => Some(timeout),
        Deferred::No | Deferred::Asked => None,
    }
}

/// How many operations can have an event, besides the timer.
fn pending() -> usize {
    set::pending() - usize::from(ALARM.get().is_some())
}

/// Has the set have an event after `time`, or before. Returns `true` if that is
/// over.
pub(crate) fn set_alarm_in(time: Duration) -> bool {
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    // SAFETY: it has no preconditions.
    let now = unsafe { abi::now() };
    set_alarm(now.saturating_add(nanos))
}

/// Has the set have no event of the timer.
pub(crate) fn clear_alarm() {
    if let Some(alarm) = ALARM.take() {
        // SAFETY: the subtask is in the set, and still running.
        unsafe {
            set::unregister(alarm.subtask);
            abi::subtask_cancel(alarm.subtask);
            abi::subtask_drop(alarm.subtask);
        }
    }
}

/// Has the set have an event at `deadline`, or before. Returns `true` if that is
/// over.
fn set_alarm(deadline: u64) -> bool {
    if let Some(alarm) = ALARM.get() {
        // An earlier one is kept: it ends a wait too early, once.
        if alarm.deadline <= deadline.saturating_add(SLACK) {
            return false;
        }
        clear_alarm();
    }
    // SAFETY: it has no preconditions.
    let packed = unsafe { abi::wait_until(deadline) };
    let subtask = packed >> 4;
    if packed & 15 == abi::RETURNED {
        return true;
    }
    ALARM.set(Some(Alarm { subtask, deadline }));
    // SAFETY: the import has just returned the subtask.
    unsafe { set::register_free(subtask, rang) };
    false
}

unsafe extern "C" fn rang(_: *mut c_void, code: u32) {
    let Some(Alarm { subtask, .. }) = ALARM.get() else {
        return;
    };
    // SAFETY: the subtask exists, and is dropped only if it is resolved.
    unsafe {
        if code < abi::RETURNED {
            set::register_free(subtask, rang);
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
