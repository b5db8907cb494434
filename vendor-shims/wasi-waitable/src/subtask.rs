//! A call of an asynchronous import.

use std::ffi::c_void;
use std::task::{Context, Poll, Waker};

use crate::{abi, set};

/// A call, and the memory that it reads from and writes to.
///
/// It is cancelled when it is dropped.
pub(crate) struct Call<M: 'static> {
    call: Box<State<M>>,
}

struct State<M> {
    /// The subtask's handle, 0 if there is none any more.
    subtask: u32,
    done: bool,
    waker: Option<Waker>,
    memory: M,
}

impl<M> Call<M> {
    /// Makes the call: `start` gets the memory, which stays where it is, and
    /// returns what the import returned.
    pub(crate) fn start(memory: M, start: impl FnOnce(*mut M) -> u32) -> Call<M> {
        let mut call = Box::new(State {
            subtask: 0,
            done: false,
            waker: None,
            memory,
        });
        let packed = start(&mut call.memory);
        call.subtask = packed >> 4;
        if packed & 15 == abi::RETURNED {
            call.done = true;
        } else {
            // SAFETY: the import has just returned the subtask, and it leaves
            // the set before the memory is freed.
            unsafe { set::register(call.subtask, happened::<M>, (&raw mut *call).cast()) };
        }
        Call { call }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.call.done
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.call.done {
            return Poll::Ready(());
        }
        store(&mut self.call.waker, cx);
        Poll::Pending
    }

    /// As [`poll`](Call::poll), if nobody else is to be woken.
    pub(crate) fn poll_unless_awaited(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.call.waker.is_some() {
            return Poll::Pending;
        }
        self.poll(cx)
    }

    /// Forgets whom to wake.
    pub(crate) fn forget(&mut self) {
        self.call.waker = None;
    }

    /// The memory of a call that is done.
    pub(crate) fn into_memory(mut self) -> M
    where
        M: Copy,
    {
        debug_assert!(self.call.done);
        self.forget_subtask();
        self.call.memory
    }

    fn forget_subtask(&mut self) {
        if self.call.subtask != 0 {
            // SAFETY: it is a subtask that is resolved, and known of here alone.
            unsafe { abi::subtask_drop(self.call.subtask) };
            self.call.subtask = 0;
        }
    }
}

impl<M> Drop for Call<M> {
    fn drop(&mut self) {
        if !self.call.done {
            // SAFETY: it is in the set, and still running.
            unsafe {
                set::unregister(self.call.subtask);
                abi::subtask_cancel(self.call.subtask);
            }
        }
        self.forget_subtask();
    }
}

/// # Safety
///
/// `state` is a pointer to the `State<M>` of a call that exists.
unsafe extern "C" fn happened<M>(state: *mut c_void, code: u32) {
    // SAFETY: as said above.
    let call = unsafe { &mut *state.cast::<State<M>>() };
    if code != abi::RETURNED {
        // It has started, that is all.
        // SAFETY: as in `Call::start`.
        unsafe { set::register(call.subtask, happened::<M>, state) };
        return;
    }
    call.done = true;
    // Last, as the call may be dropped by this.
    if let Some(waker) = call.waker.take() {
        waker.wake();
    }
}

/// Remembers whom to wake.
pub(crate) fn store(waker: &mut Option<Waker>, cx: &Context<'_>) {
    match waker {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *waker = Some(cx.waker().clone()),
    }
}
