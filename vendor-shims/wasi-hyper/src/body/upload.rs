//! The rest of a request's body, once its response has begun.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::task::{Context, Poll, Waker};

use crate::reactor::{Reactor, Task};
use crate::Error;

/// Sends a body.
type Sending = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// The rest of a request's body, which a task of its own sends, or the body of
/// the response if the runtime has no tasks.
///
/// - It goes on, without anyone who asks for it, after the response was read
///   to its end, as hyper's connection does.
/// - It is aborted if the response is dropped before that.
/// - If it fails, the response's body does.
pub(crate) struct Upload {
    shared: Arc<Shared>,
    /// Where no task polls it, the response's body does. The lock is for
    /// `Sync` alone.
    task: Mutex<Option<Task>>,
}

struct Shared {
    /// Held while it is polled.
    sending: Mutex<Option<Sending>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// No one wants it any more.
    aborted: bool,
    error: Option<Error>,
    /// Who wants to know of the error.
    waker: Option<Waker>,
    /// The task that sends it.
    task: Option<Waker>,
    /// What has to stay for as long as it is being sent.
    kept: Option<Box<dyn Send>>,
}

impl Upload {
    /// Goes on with `sending`.
    pub(crate) fn go_on<R: Reactor>(sending: Sending, reactor: &R) -> Upload {
        let shared = Arc::new(Shared {
            sending: Mutex::new(Some(sending)),
            state: Mutex::default(),
        });
        let task = reactor.spawn(Box::pin(Rest(shared.clone()))).err();
        Upload {
            shared,
            task: Mutex::new(task),
        }
    }

    /// The error that it failed with, once.
    ///
    /// If there is none yet, the task is woken when there is one.
    pub(super) fn poll_error(&mut self, cx: &mut Context<'_>) -> Option<Error> {
        let task = self.task.get_mut().unwrap_or_else(PoisonError::into_inner);
        if task
            .as_mut()
            .is_some_and(|task| task.as_mut().poll(cx).is_ready())
        {
            *task = None;
        }
        let mut state = self.shared.state();
        if state.error.is_none() {
            match &mut state.waker {
                Some(waker) => waker.clone_from(cx.waker()),
                None => state.waker = Some(cx.waker().clone()),
            }
        }
        state.error.take()
    }

    /// Lets it go on by itself, and keeps `what` until it is done.
    pub(super) fn detach(mut self, what: Option<Box<dyn Send>>) {
        let task = self.task.get_mut().unwrap_or_else(PoisonError::into_inner);
        if task.is_some() {
            // Nothing will poll it any more.
            self.abort();
            drop(what);
            return;
        }
        let done = match self.shared.sending.try_lock() {
            Ok(sending) => sending.is_none(),
            Err(_) => false,
        };
        if !done {
            self.shared.state().kept = what;
        }
    }

    /// Drops what is left of it, which aborts the request.
    pub(super) fn abort(self) {
        let task = {
            let mut state = self.shared.state();
            state.aborted = true;
            state.task.take()
        };
        // If this is called from within the body that is being sent, what
        // polls that sees to it.
        let sending = match self.shared.sending.try_lock() {
            Ok(mut sending) => sending.take(),
            Err(TryLockError::Poisoned(sending)) => sending.into_inner().take(),
            Err(TryLockError::WouldBlock) => None,
        };
        drop(sending);
        if let Some(task) = task {
            task.wake();
        }
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").finish_non_exhaustive()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task.
struct Rest(Arc<Shared>);

impl Future for Rest {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut slot = match self.0.sending.lock() {
            Ok(slot) => slot,
            Err(poisoned) => poisoned.into_inner(),
        };
        let Some(sending) = slot.as_mut() else {
            return Poll::Ready(());
        };
        let result = sending.as_mut().poll(cx);
        let mut state = self.0.state();
        if result.is_pending() && !state.aborted {
            state.task = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if let Poll::Ready(Err(error)) = result {
            state.error = Some(error);
        }
        let (kept, waker) = (state.kept.take(), state.waker.take());
        drop(state);
        // The request before the response, as far as it matters to a host.
        let sending = slot.take();
        drop(slot);
        drop(sending);
        drop(kept);
        if let Some(waker) = waker {
            waker.wake();
        }
        Poll::Ready(())
    }
}
