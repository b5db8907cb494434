//! How long a guest may run.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use wasmtime::Engine;

/// How long a guest that computes has to notice that its time is over, which
/// it does at its next loop or call.
const GRACE: Duration = Duration::from_millis(100);

/// Reads `500ms`, `30s`, `1.5m` or `2h`; a bare number is seconds.
pub fn parse(text: &str) -> Result<Duration, String> {
    let split = text
        .find(|c: char| c != '.' && !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("`{unit}` is not a unit: use ms, s, m or h")),
    };
    number
        .parse()
        .ok()
        .and_then(|number: f64| Duration::try_from_secs_f64(number * unit).ok())
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "not a duration: write it as 500ms, 30s or 2m".to_owned())
}

/// Calls `guest` on a thread of its own and waits at most `limit` for it.
///
/// When the time is over, `engine`'s epoch ends a guest that computes, and its
/// result (a trap) is given back. A guest that waits in the host cannot be
/// reached in that way: it is left where it is, and `None` is given back.
pub fn call<T: Send + 'static>(
    limit: Duration,
    engine: &Engine,
    guest: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    on_a_thread(limit, || engine.increment_epoch(), guest)
}

/// The same, where the guest itself notices that its time is over when it
/// computes.
pub fn wait<T: Send + 'static>(
    limit: Duration,
    guest: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    on_a_thread(limit, || {}, guest)
}

fn on_a_thread<T: Send + 'static>(
    limit: Duration,
    interrupt: impl FnOnce(),
    guest: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::spawn(move || {
        // The receiver is gone where the guest was given up.
        let _ = sender.send(guest());
    });
    let result = match receiver.recv_timeout(limit) {
        Err(RecvTimeoutError::Timeout) => {
            interrupt();
            receiver.recv_timeout(GRACE)
        }
        result => result,
    };
    match result {
        Ok(value) => Some(value),
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => unreachable!("the thread sends a result or panics"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("30"), Ok(Duration::from_secs(30)));
        assert_eq!(parse("1.5m"), Ok(Duration::from_secs(90)));
        for wrong in ["", "s", "0s", "1d", "-1s", "1e3s", "1.2.3s"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
