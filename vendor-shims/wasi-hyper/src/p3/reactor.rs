//! What an asynchronous runtime has to do for this crate on WASI 0.3.
//!
//! Waiting is no part of it: the futures of the bindings register with whatever
//! executor they are polled in, by wit-bindgen's C ABI `wasip3_task`.

use std::future::Future;
use std::pin::Pin;

/// A future that a [`Reactor`] may run by itself.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs tasks.
pub trait Reactor: Clone + Send + Sync + Unpin + 'static {
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
