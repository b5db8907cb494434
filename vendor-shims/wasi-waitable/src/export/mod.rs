//! Calls of asynchronous exports, which share one executor.
//!
//! An export that is lifted with a callback can be called while other calls of it
//! wait, so that one instance answers many at once. For each, the host has a
//! task, whose callback is called with the events of the set that it waits for.
//! Here one of the tasks, the leader, waits for the set of this crate, and has
//! an [`Executor`] run what is ready. It stays for as long as anything is left
//! to do. The others only queue what they are to do, wake the leader, and wait
//! for a bell of their own until their result is there, since a task alone can
//! give its result to the host.
//!
//! That no other task begins or ends an operation of the host's is needed up to
//! Wasmtime 49:
//!
//! - it ends an instance in which a task was woken and another one has taken the
//!   event;
//! - it ends an instance in which a future is read by a task that has exited, if
//!   the value needs memory;
//! - of two tasks that wait for one set it wakes the older one, even if only the
//!   younger one can run.
//!
//! # The exports
//!
//! For an export `handle` of the interface `wasi:http/handler@0.3.2`:
//!
//! ```ignore
//! #[unsafe(export_name = "[async-lift]wasi:http/handler@0.3.2#handle")]
//! extern "C" fn handle(request: u32) -> u32 {
//!     export::start(executor, |call| queue(call, request))
//! }
//!
//! #[unsafe(export_name = "[callback][async-lift]wasi:http/handler@0.3.2#handle")]
//! extern "C" fn callback(event: u32, waitable: u32, code: u32) -> u32 {
//!     export::proceed(event, waitable, code)
//! }
//! ```
//!
//! A task that blocks, as [`wait`] does unless it is
//! [deferred](crate::defer_wait), may do so, but keeps its instance: until it goes
//! on, the host begins no other call, and goes on with none.

mod bell;

use std::cell::{Cell, OnceCell, RefCell};
use std::ffi::c_void;
use std::ptr;
use std::time::Duration;

use self::bell::Bell;
use crate::{abi, run, set, wait};

/// Runs what calls are to do.
pub trait Executor {
    /// Runs what is ready, and returns instead of waiting.
    fn run(&self) -> Rest;
}

/// What is left to do.
#[derive(Clone, Copy, Debug)]
pub struct Rest {
    /// In what time the executor is to run even if nothing happens; zero if
    /// there is more to do already.
    pub wake: Option<Duration>,
    /// Whether something is to go on though all calls have their results.
    pub stay: bool,
}

/// Drops what a call is to do, as the caller does not want it any more.
pub type Cancel = Box<dyn FnOnce()>;

/// One call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    index: usize,
    /// Tells calls apart that have the same index, one after the other.
    number: u64,
}

/// What is known of a call whose task has not exited.
struct State {
    number: u64,
    /// Gives the host the result.
    result: Option<Box<dyn FnOnce()>>,
    /// None once the result is there.
    cancel: Option<Cancel>,
    returned: bool,
    bell: Option<Bell>,
}

struct Calls {
    executor: &'static dyn Executor,
    states: RefCell<Vec<Option<State>>>,
    leader: Cell<Option<usize>>,
    /// What wakes the leader.
    poke: RefCell<Bell>,
    /// Those that have a result and were not told so.
    done: RefCell<Vec<usize>>,
    /// Those that nobody waits for.
    bells: RefCell<Vec<Bell>>,
    /// How many calls have no result.
    open: Cell<usize>,
    next: Cell<u64>,
}

thread_local! {
    static CALLS: OnceCell<Calls> = const { OnceCell::new() };
}

/// `start(executor, begin) -> u32`—What an export does that is lifted
/// asynchronously with a callback.
///
/// `begin` queues what the call is to do, and returns what drops that again. It
/// must not do any of it: `executor` does, which is asked for at the first call.
///
/// Returns what the export has to return.
///
/// # References
///
/// - [`canon lift`]
///
/// [`canon lift`]: https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md#canon-lift
pub fn start(
    executor: impl FnOnce() -> &'static dyn Executor,
    begin: impl FnOnce(Call) -> Cancel,
) -> u32 {
    CALLS.with(|calls| {
        let calls = calls.get_or_init(|| Calls::new(executor));
        let call = calls.add();
        // SAFETY: it has no preconditions.
        unsafe { abi::context_set(call.index as u32 + 1) };
        let cancel = begin(call);
        calls.with(call.index, |state| state.cancel = Some(cancel));
        if calls.leader.get().is_some() {
            calls.poke.borrow_mut().ring();
            calls.follow(call.index)
        } else {
            calls.leader.set(Some(call.index));
            calls.lead(call.index)
        }
    })
}

/// `proceed(event, waitable, code) -> u32`—What the callback of such an export
/// does.
///
/// Returns what the callback has to return.
///
/// # Panics
///
/// If the task was not begun by [`start`].
pub fn proceed(event: u32, waitable: u32, code: u32) -> u32 {
    CALLS.with(|calls| {
        // SAFETY: it has no preconditions.
        let index = unsafe { abi::context_get() } as usize;
        let (Some(calls), Some(index)) = (calls.get(), index.checked_sub(1)) else {
            panic!("a callback of a task that was not begun here");
        };
        let leads = calls.leader.get() == Some(index);
        match event {
            abi::EVENT_NONE => {}
            abi::EVENT_CANCEL => calls.cancel(index),
            _ if leads => {
                set::deliver(waitable, code);
                set::drain();
            }
            _ => calls.with(index, |state| {
                if let Some(bell) = &mut state.bell {
                    bell.heard();
                }
            }),
        }
        match leads {
            true => calls.lead(index),
            false => calls.follow(index),
        }
    })
}

impl Call {
    /// `finish(result)`—The call has its result, which `result` gives to the
    /// host: it calls the export's `[task-return]`, some time later.
    ///
    /// It is dropped instead if the call was cancelled meanwhile.
    pub fn finish(self, result: impl FnOnce() + 'static) {
        CALLS.with(|calls| {
            if let Some(calls) = calls.get() {
                calls.finish(self, Box::new(result));
            }
        });
    }
}

impl Calls {
    fn new(executor: impl FnOnce() -> &'static dyn Executor) -> Calls {
        run::enter();
        let executor = executor();
        let mut poke = Bell::new(set::handle());
        // It is no operation that is waited for, and so is not counted.
        // SAFETY: it is a stream's end that exists for ever.
        unsafe { set::join(poke.reader(), poked, ptr::null_mut()) };
        poke.listen();
        Calls {
            executor,
            states: RefCell::default(),
            leader: Cell::new(None),
            poke: RefCell::new(poke),
            done: RefCell::default(),
            bells: RefCell::default(),
            open: Cell::new(0),
            next: Cell::new(0),
        }
    }

    fn add(&self) -> Call {
        let number = self.next.get();
        self.next.set(number + 1);
        self.open.set(self.open.get() + 1);
        let state = State {
            number,
            result: None,
            cancel: None,
            returned: false,
            bell: None,
        };
        let mut states = self.states.borrow_mut();
        let free = states.iter().position(Option::is_none);
        let index = free.unwrap_or(states.len());
        match free {
            Some(index) => states[index] = Some(state),
            None => states.push(Some(state)),
        }
        Call { index, number }
    }

    fn with<T>(&self, index: usize, f: impl FnOnce(&mut State) -> T) -> T {
        let mut states = self.states.borrow_mut();
        f(states[index].as_mut().expect("its task has not exited"))
    }

    fn finish(&self, call: Call, result: Box<dyn FnOnce()>) {
        let mut states = self.states.borrow_mut();
        let state = states.get_mut(call.index).and_then(Option::as_mut);
        let Some(state) = state.filter(|state| state.number == call.number) else {
            return;
        };
        if state.cancel.take().is_some() {
            state.result = Some(result);
            self.open.set(self.open.get() - 1);
            self.done.borrow_mut().push(call.index);
        }
    }

    /// The host asks for an end. A result that is there already is one.
    fn cancel(&self, index: usize) {
        let cancel = self.with(index, |state| {
            let cancel = state.cancel.take();
            if cancel.is_some() {
                // SAFETY: the task was asked to end, and has given no result.
                state.result = Some(Box::new(|| unsafe { abi::task_cancel() }));
            }
            cancel
        });
        if let Some(cancel) = cancel {
            self.open.set(self.open.get() - 1);
            cancel();
            // The executor drops it.
            if self.leader.get() != Some(index) {
                self.poke.borrow_mut().ring();
            }
        }
    }

    fn lead(&self, index: usize) -> u32 {
        let rest = self.executor.run();
        for done in self.done.take() {
            if done != index {
                self.with(done, |state| {
                    if let Some(bell) = &mut state.bell {
                        bell.ring();
                    }
                });
            }
        }
        self.give(index);
        if self.open.get() == 0 && !rest.stay && !set::holds() {
            wait::clear_alarm();
            self.leader.set(None);
            return self.remove(index);
        }
        match rest.wake {
            Some(Duration::ZERO) => return abi::YIELD,
            Some(time) if wait::set_alarm_in(time) => return abi::YIELD,
            _ => {}
        }
        abi::wait_on(set::handle())
    }

    fn follow(&self, index: usize) -> u32 {
        if self.give(index) {
            return self.remove(index);
        }
        self.with(index, |state| {
            let bell = state.bell.get_or_insert_with(|| {
                let pooled = self.bells.borrow_mut().pop();
                pooled.unwrap_or_else(Bell::alone)
            });
            bell.listen();
            abi::wait_on(bell.set())
        })
    }

    /// Gives the host the result if it is there; says whether that was done, now
    /// or before.
    fn give(&self, index: usize) -> bool {
        if let Some(result) = self.with(index, |state| state.result.take()) {
            result();
            self.with(index, |state| state.returned = true);
        }
        self.with(index, |state| state.returned)
    }

    fn remove(&self, index: usize) -> u32 {
        let state = self.states.borrow_mut()[index].take();
        if let Some(bell) = state.and_then(|state| state.bell) {
            self.bells.borrow_mut().push(bell);
        }
        abi::EXIT
    }
}

unsafe extern "C" fn poked(_: *mut c_void, _: u32) {
    CALLS.with(|calls| {
        if let Some(calls) = calls.get() {
            let mut poke = calls.poke.borrow_mut();
            poke.heard();
            poke.listen();
        }
    });
}
