//! Waiting and spawning through the current Tokio runtime.

use tokio::runtime::Handle;

use crate::reactor::{Reactor, Task};

/// The Tokio runtime of the task that sends or polls.
///
/// It is to be one that waits as WASI 0.3 does, as the patches of cargo-wasip2
/// have it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tokio;

impl Reactor for Tokio {
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
