//! Tells why a guest was stopped, and where it was.

use std::time::Duration;

use wasmtime::{FrameInfo, Trap, WasmBacktrace};

use wasip2_ground::Console;
use wasip2_ground::console::Verbosity;

use crate::end::{TIMED_OUT, TRAPPED};

/// The exit code of a guest that has ended, or that `limit` gave up before; what
/// is to be said of it was then said.
pub fn code(ended: Option<wasmtime::Result<u8>>, limit: Option<Duration>, console: &Console) -> u8 {
    match (ended, limit) {
        (None, Some(limit)) => {
            report_waiting(limit, console);
            TIMED_OUT
        }
        (Some(Err(error)), Some(limit)) if error.downcast_ref() == Some(&Trap::Interrupt) => {
            report_computing(limit, &error, console);
            TIMED_OUT
        }
        (Some(Err(error)), _) => {
            report(&error, console);
            TRAPPED
        }
        (Some(Ok(code)), _) => code,
        (None, None) => unreachable!("only a time limit gives a guest up"),
    }
}

/// What the host says of a trap.
pub fn reason(error: &wasmtime::Error) -> String {
    let reason = error.root_cause().to_string();
    reason.trim_start_matches("wasm trap: ").to_owned()
}

/// Reports a trap.
pub fn report(error: &wasmtime::Error, console: &Console) {
    let reason = reason(error);
    let mut text = format!("the guest trapped: {reason}");
    text.push_str(&backtrace(error, console));
    if let Some(explanation) = explanation(error, &reason) {
        text.push_str("\n  = note: ");
        text.push_str(explanation);
    }
    console.error(text);
}

/// Reports that a guest was still computing when its time was over.
pub fn report_computing(limit: Duration, error: &wasmtime::Error, console: &Console) {
    let place = backtrace(error, console);
    console.error(format!(
        "the guest was still computing after {limit:?} (--timeout) and was stopped{place}"
    ));
}

/// Reports that a guest was waiting in the host when its time was over.
pub fn report_waiting(limit: Duration, console: &Console) {
    console.error(format!(
        "the guest was still waiting (for a socket, a timer or input) after {limit:?} \
         (--timeout) and was stopped"
    ));
}

/// What is to be said of a guest that nothing can wake.
const NOTHING_LEFT: &str =
    "it waited, but for nothing: no socket, no timer, no stream was left to wake it";

/// What a trap means for someone who writes Rust.
fn explanation(error: &wasmtime::Error, reason: &str) -> Option<&'static str> {
    match error.downcast_ref::<Trap>() {
        Some(Trap::UnreachableCodeReached) => Some(
            "this is how a Rust program ends that panics or aborts: its message, if it gave \
             one, is above",
        ),
        Some(Trap::StackOverflow) => Some("is there a recursion without end?"),
        // The stack lies at the start of a guest's memory, so that what
        // overflows it leaves the memory.
        Some(Trap::MemoryOutOfBounds) => Some(
            "in a program without `unsafe` this is its stack (1 MiB) overflowing: is there a \
             recursion without end?",
        ),
        Some(Trap::AsyncDeadlock) => Some(NOTHING_LEFT),
        Some(Trap::CannotBlockSyncTask) => Some(
            "it waited through WASI 0.3 in a function that may not, such as the \
             `wasi:cli/run` of 0.2: a program that is built for 0.3 exports that of 0.3",
        ),
        Some(_) => None,
        None if reason.contains("empty poll list") => Some(NOTHING_LEFT),
        None if reason.contains("resource has children") => Some(
            "it dropped a resource before what was made of it, as a stream before the \
             pollable on it",
        ),
        None => None,
    }
}

/// The guest's calls when it was stopped, innermost first, on lines of their
/// own.
///
/// As in a native program's backtrace, what the standard library does before
/// `main` and after a panic is left out, unless everything is asked for.
fn backtrace(error: &wasmtime::Error, console: &Console) -> String {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else {
        return String::new();
    };
    let calls: Vec<Call> = backtrace.frames().iter().flat_map(Call::of_frame).collect();
    let shown = match console.verbosity() {
        Verbosity::Verbose => &calls[..],
        Verbosity::Quiet | Verbosity::Normal => own(&calls),
    };
    let mut text = String::new();
    for (index, alike) in shown.chunk_by(|one, next| one == next).enumerate() {
        let call = &alike[0];
        text.push_str(&format!("\n{index:>4}: {}", call.function));
        if let Some(place) = &call.place {
            text.push_str(&format!("\n        at {place}"));
        }
        if alike.len() > 1 {
            text.push_str(&format!("\n        ({} times)", alike.len()));
        }
    }
    let hidden = calls.len() - shown.len();
    if hidden > 0 {
        text.push_str(&format!(
            "\n  = note: {hidden} calls inside the standard library are left out; `-v` shows them"
        ));
    }
    text
}

/// The calls between the standard library's two marks, which are there for
/// this purpose.
fn own(calls: &[Call]) -> &[Call] {
    let start = calls
        .iter()
        .rposition(|call| call.function.contains("__rust_end_short_backtrace"))
        .map_or(0, |mark| mark + 1);
    let end = calls
        .iter()
        .position(|call| call.function.contains("__rust_begin_short_backtrace"))
        .unwrap_or(calls.len());
    calls.get(start..end).unwrap_or(calls)
}

/// One call of a backtrace.
#[derive(PartialEq)]
struct Call {
    /// The function's name, demangled.
    function: String,
    /// Its source, where there is debug information: `file:line:column`.
    place: Option<String>,
}

impl Call {
    /// The calls that one frame stands for: several where some were inlined,
    /// the last of which is the function that is in the component.
    fn of_frame(frame: &FrameInfo) -> Vec<Call> {
        let mut calls: Vec<Call> = frame
            .symbols()
            .iter()
            .map(|symbol| Call {
                function: symbol.name().map_or_else(String::new, demangled),
                place: symbol.file().map(|file| {
                    [symbol.line(), symbol.column()]
                        .into_iter()
                        .flatten()
                        .fold(file.to_owned(), |place, number| format!("{place}:{number}"))
                }),
            })
            .collect();
        if calls.is_empty() {
            calls.push(Call {
                function: String::new(),
                place: None,
            });
        }
        // The component names its functions in full; debug information that
        // is reduced to lines does not.
        if let (Some(call), Some(name)) = (calls.last_mut(), frame.func_name()) {
            call.function = demangled(name);
        }
        for call in &mut calls {
            if call.function.is_empty() {
                call.function = format!("function {}", frame.func_index());
            }
        }
        calls
    }
}

/// A function's name as it is in the source, without the hash that Rust adds.
fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}
