//! Waiting and spawning through the current Tokio runtime.

use std::io;
use std::task::{ready, Context, Poll};

use tokio::io::wasi::AsyncPollable;
use tokio::runtime::Handle;
use wasip2::io::poll::Pollable;

use crate::reactor::{Reactor, Task, Waiter};

/// The Tokio runtime of the task that sends or polls.
///
/// Its I/O driver has to be enabled; otherwise, and outside of a runtime, the
/// first wait panics, as those for Tokio's own sockets do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tokio;

/// Waits for one pollable through Tokio's I/O driver.
#[derive(Debug)]
pub struct TokioWaiter {
    pollable: AsyncPollable,
    /// Whether readiness was told and so has to be asked for anew.
    told: bool,
}

impl Reactor for Tokio {
    type Waiter = TokioWaiter;

    fn register(&self, pollable: Pollable) -> io::Result<TokioWaiter> {
        Ok(TokioWaiter {
            pollable: AsyncPollable::new(pollable, Pollable::handle)?,
            told: false,
        })
    }

    fn spawn(&self, task: Task) -> Result<(), Task> {
        match Handle::try_current() {
            Ok(runtime) => {
                runtime.spawn(task);
                Ok(())
            }
            Err(_) => Err(task),
        }
    }
}

impl Waiter for TokioWaiter {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut guard = ready!(self.pollable.poll_ready(cx))?;
            if !self.told {
                guard.retain_ready();
                self.told = true;
                return Poll::Ready(Ok(()));
            }
            guard.clear_ready();
            self.told = false;
        }
    }
}
