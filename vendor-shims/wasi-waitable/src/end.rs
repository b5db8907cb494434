//! An end of a stream whose other end is the host's.
//!
//! An operation that the host cannot finish at once is cancelled, so that no
//! buffer of the caller's is held. In its place one of length 0 is left pending,
//! which says when it is worth another try: that is what the canonical ABI has
//! operations of length 0 for.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker};

use crate::subtask::store;
use crate::{abi, set};

/// The built-ins for one end of streams of one type.
pub(crate) struct Operations {
    pub(crate) start: unsafe extern "C" fn(u32, *mut u8, usize) -> u32,
    pub(crate) cancel: unsafe extern "C" fn(u32) -> u32,
    pub(crate) drop: unsafe extern "C" fn(u32),
}

pub(crate) struct End(Box<State>);

struct State {
    operations: &'static Operations,
    handle: u32,
    /// It is in the set.
    joined: Cell<bool>,
    /// An operation of length 0 is pending.
    pending: Cell<bool>,
    /// The last one was finished, and none was tried since.
    ready: Cell<bool>,
    /// The other end is gone.
    dropped: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// What an operation has done.
pub(crate) enum Done {
    /// It has transferred so many items, at least one.
    Some(usize),
    /// The other end is gone.
    Dropped,
    /// It would block.
    Blocked,
}

impl End {
    /// Takes over the end with this handle.
    pub(crate) fn new(handle: u32, operations: &'static Operations) -> End {
        End(Box::new(State {
            operations,
            handle,
            joined: Cell::new(false),
            pending: Cell::new(false),
            ready: Cell::new(false),
            dropped: Cell::new(false),
            waker: RefCell::new(None),
        }))
    }

    /// Whether there may be an event to be taken from the set.
    pub(crate) fn is_pending(&self) -> bool {
        self.0.pending.get()
    }

    /// Transfers items from or to memory.
    ///
    /// # Safety
    ///
    /// `items` points to memory for `n` items, which are not zero, of the
    /// stream's type, to be read or written as the direction is.
    pub(crate) unsafe fn transfer(&self, items: *mut u8, n: usize) -> Done {
        let state = &*self.0;
        if state.pending.get() {
            return Done::Blocked;
        }
        if state.dropped.get() {
            return Done::Dropped;
        }
        state.ready.set(false);
        // SAFETY: as the caller says; what is not finished is cancelled.
        let code = unsafe {
            match (state.operations.start)(state.handle, items, n) {
                abi::BLOCKED => {
                    self.leave();
                    (state.operations.cancel)(state.handle)
                }
                code => code,
            }
        };
        if code & 15 == abi::DROPPED {
            state.dropped.set(true);
        }
        match code >> 4 {
            0 if state.dropped.get() => Done::Dropped,
            0 => Done::Blocked,
            n => Done::Some(n as usize),
        }
    }

    /// Waits until it is worth to transfer something.
    pub(crate) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let state = &*self.0;
        if state.ready.get() || state.dropped.get() {
            return Poll::Ready(());
        }
        if !state.pending.get() {
            let nothing = NonNull::<u64>::dangling().as_ptr().cast();
            // SAFETY: no operation is pending, and no memory is touched.
            match unsafe { (state.operations.start)(state.handle, nothing, 0) } {
                abi::BLOCKED => {
                    state.pending.set(true);
                    set::begun();
                    self.join();
                }
                code => {
                    state.finished(code);
                    return Poll::Ready(());
                }
            }
        }
        store(&mut state.waker.borrow_mut(), cx);
        Poll::Pending
    }

    /// Forgets whom to wake.
    pub(crate) fn forget(&self) {
        self.0.waker.take();
    }

    fn join(&self) {
        if !self.0.joined.replace(true) {
            let state = (&raw const *self.0).cast_mut().cast();
            // SAFETY: it is a stream's end, and leaves before the state is freed.
            unsafe { set::join(self.0.handle, happened, state) };
        }
    }

    fn leave(&self) {
        if self.0.joined.replace(false) {
            // SAFETY: it is a stream's end that has joined.
            unsafe { set::leave(self.0.handle) };
        }
    }
}

impl State {
    fn finished(&self, code: u32) {
        self.ready.set(true);
        if code & 15 == abi::DROPPED {
            self.dropped.set(true);
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.leave();
        let state = &*self.0;
        // SAFETY: the end exists, and is out of the set. A pending operation has
        // to be cancelled before the end is dropped.
        unsafe {
            if state.pending.replace(false) {
                (state.operations.cancel)(state.handle);
                set::ended();
            }
            (state.operations.drop)(state.handle);
        }
    }
}

/// # Safety
///
/// `state` is a pointer to the `State` of an end that exists.
unsafe extern "C" fn happened(state: *mut c_void, code: u32) {
    // SAFETY: as said above.
    let state = unsafe { &*state.cast::<State>() };
    if state.pending.replace(false) {
        set::ended();
    }
    state.finished(code);
    let waker = state.waker.take();
    // Last, as the end may be dropped by this.
    if let Some(waker) = waker {
        waker.wake();
    }
}
