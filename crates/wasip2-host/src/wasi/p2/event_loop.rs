//! The event loop that a guest runs on where the host's functions are
//! asynchronous.
//!
//! The guest is a task of a runtime with two threads. When it waits, its own
//! thread looks for events, and there is no hand-over to another thread, which
//! costs more than all the rest of a small exchange. When it does not wait but
//! tries again and again, the other thread looks for events.
//!
//! Tokio's budget for tasks is not for it (wasmtime's issue 14174, mended in its
//! pull request 14265); [`Fairness`] is instead.
//!
//! This is faster than a runtime that is merely blocked on, and a runtime with
//! one thread would stand still under a guest that never waits.

use std::future::Future;
use std::pin::pin;

use tokio::task::unconstrained;
use wasmtime::Result;
use wasmtime::error::Context;

/// How often in a row a guest may ask for events and have its answer at once
/// before other tasks get their turn.
const TURNS: u32 = 32;

/// Runs a guest to its end.
pub fn run<T: Send + 'static>(guest: impl Future<Output = T> + Send + 'static) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_io()
        .enable_time()
        .build()
        .context("the host's event loop could not be made")?;
    // A guest is one task, and what it asks of its sockets counts against the
    // budget that a task has. When that is used up no socket seems to be ready
    // though it was said to be, and 128 that are use it up by being asked for.
    let guest = runtime.spawn(unconstrained(guest));
    let ended = runtime.block_on(guest);
    // A name lookup that the guest gave up may still hold a thread; nobody
    // waits for it.
    runtime.shutdown_background();
    match ended {
        Ok(ended) => Ok(ended),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Gives the host's other tasks a turn now and then, though a guest does not
/// wait.
///
/// The other thread cannot take over the task that this one spawned last (the
/// [LIFO slot]), and that may be the very task that a guest asks about, again
/// and again: its HTTP request, say.
///
/// [LIFO slot]: https://docs.rs/tokio/1/tokio/runtime/index.html#multi-threaded-runtime-behavior-at-the-time-of-writing
#[derive(Debug, Default)]
pub struct Fairness {
    /// Answers in a row that needed no wait.
    at_once: u32,
}

impl Fairness {
    /// Waits for the answer to a guest's question about events.
    pub async fn answer<T>(&mut self, question: impl Future<Output = T>) -> T {
        let mut question = pin!(question);
        let mut waited = false;
        let answer = std::future::poll_fn(|context| {
            let answer = question.as_mut().poll(context);
            waited |= answer.is_pending();
            answer
        })
        .await;
        self.at_once = if waited { 0 } else { self.at_once + 1 };
        if self.at_once == TURNS {
            self.at_once = 0;
            tokio::task::yield_now().await;
        }
        answer
    }
}
