//! What an asynchronous runtime has to do for this crate.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use wasip2::io::poll::Pollable;

/// A future that a [`Reactor`] may run by itself.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Waits for pollables.
pub trait Reactor: Clone + Send + Sync + Unpin + 'static {
    /// Waits for one pollable.
    type Waiter: Waiter;

    /// Takes a pollable that is to be waited for.
    ///
    /// # Errors
    ///
    /// Those that the runtime has for it; the pollable is dropped then.
    fn register(&self, pollable: Pollable) -> io::Result<Self::Waiter>;

    /// Runs `task` beside whoever calls this, to its end, or gives it back if
    /// the runtime cannot do that.
    ///
    /// It is called for the rest of a request's body, once the response has
    /// begun. A task that is given back is polled by the response's body
    /// instead, and so only makes progress while that is read.
    ///
    /// # Errors
    ///
    /// The task itself.
    fn spawn(&self, task: Task) -> Result<(), Task>;
}

/// Waits for one pollable, which is dropped with it.
pub trait Waiter: Send + Sync + Unpin + 'static {
    /// Polls for the pollable to be ready.
    ///
    /// Readiness is a hint. Whoever gets it tries the operation; another call
    /// of this says that the operation was not ready after all, and waits for
    /// the host to say so again.
    ///
    /// # Errors
    ///
    /// Those of the runtime, such as that it is shutting down.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}
