//! The one waitable set of an instance, and who waits for what in it.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr;

use crate::abi;
use crate::run;

/// What is called with a waitable's event: the argument that was given with it,
/// and the event's code.
pub type Callback = unsafe extern "C" fn(*mut c_void, u32);

/// Events that one call of [`drain`] takes at most, so that whoever waits gets
/// to work on them.
const AT_ONCE: usize = 256;

#[derive(Clone, Copy)]
struct Waiting {
    callback: Callback,
    argument: *mut c_void,
    /// Whether the waitable stays in the set after an event.
    stays: bool,
    /// Whether the task that began the operation has to be there when it ends.
    holds: bool,
}

#[derive(Default)]
struct Set {
    /// The set's handle, 0 before it is made.
    handle: Cell<u32>,
    /// By waitable: handles are small, dense numbers.
    waiting: RefCell<Vec<Option<Waiting>>>,
    /// How many operations can still have an event.
    pending: Cell<usize>,
    /// How many of them hold the task that has begun them.
    holding: Cell<usize>,
}

thread_local! {
    static SET: Set = Set::default();
}

pub(crate) fn handle() -> u32 {
    SET.with(|set| {
        if set.handle.get() == 0 {
            // SAFETY: it has no preconditions.
            set.handle.set(unsafe { abi::waitable_set_new() });
        }
        set.handle.get()
    })
}

/// How many operations can still have an event.
pub(crate) fn pending() -> usize {
    SET.with(|set| set.pending.get())
}

/// Whether an operation is pending that needs the task which has begun it. Hosts
/// look there for the memory of a result: Wasmtime 49 ends an instance in which
/// a future is read by a task that has exited.
pub(crate) fn holds() -> bool {
    SET.with(|set| set.holding.get()) > 0
}

/// Counts an operation that has begun on a waitable that stays in the set.
pub(crate) fn begun() {
    SET.with(|set| set.pending.set(set.pending.get() + 1));
}

/// Counts one that has ended.
pub(crate) fn ended() {
    SET.with(|set| set.pending.set(set.pending.get() - 1));
}

fn insert(waitable: u32, waiting: Waiting) -> Option<Waiting> {
    // SAFETY: the callers give a waitable, and the set exists.
    unsafe { abi::waitable_join(waitable, handle()) };
    SET.with(|set| {
        let mut all = set.waiting.borrow_mut();
        let index = waitable as usize;
        if all.len() <= index {
            all.resize(index + 1, None);
        }
        all[index].replace(waiting)
    })
}

fn remove(waitable: u32) -> Option<Waiting> {
    SET.with(|set| set.waiting.borrow_mut().get_mut(waitable as usize)?.take())
}

/// `register(waitable, callback, argument) -> *mut c_void`—Wait for a waitable's next event.
///
/// The waitable, a handle of the component model (a subtask, or the end of a
/// stream or a future that has an operation pending), joins the set. When it has
/// an event, it leaves the set and `callback` is called, once, with `argument`
/// and the event's code: a subtask's state, or what the operation has done.
///
/// Returns the argument that the waitable was registered with before, or null.
///
/// # Safety
///
/// `waitable` is a handle as above, and stays one until its event or
/// [`unregister`]. Until then `callback` can be called with `argument`.
///
/// # References
///
/// - [`waitable.join`]
///
/// [`waitable.join`]: https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md#-canon-waitablejoin
pub unsafe fn register(waitable: u32, callback: Callback, argument: *mut c_void) -> *mut c_void {
    let waiting = Waiting {
        callback,
        argument,
        stays: false,
        holds: true,
    };
    // SAFETY: as the caller says.
    unsafe { register_as(waitable, waiting) }
}

/// As [`register`], for an operation that no task has to wait for.
///
/// # Safety
///
/// As for [`register`].
pub(crate) unsafe fn register_free(waitable: u32, callback: Callback) {
    let waiting = Waiting {
        callback,
        argument: ptr::null_mut(),
        stays: false,
        holds: false,
    };
    // SAFETY: as the caller says.
    unsafe { register_as(waitable, waiting) };
}

/// # Safety
///
/// As for [`register`].
unsafe fn register_as(waitable: u32, waiting: Waiting) -> *mut c_void {
    let held = |number: usize| SET.with(|set| set.holding.set(set.holding.get() + number));
    held(usize::from(waiting.holds));
    match insert(waitable, waiting) {
        Some(before) => {
            release(&before);
            before.argument
        }
        None => {
            begun();
            ptr::null_mut()
        }
    }
}

fn release(waiting: &Waiting) {
    SET.with(|set| {
        let holding = set.holding.get() - usize::from(waiting.holds);
        set.holding.set(holding);
    });
}

/// `unregister(waitable) -> *mut c_void`—No longer wait for a waitable.
///
/// It leaves the set, which it has to before its operation is cancelled, or it
/// is dropped or passed on. Returns the argument it was registered with, or null
/// if it was not, as is so after its event.
///
/// # Safety
///
/// `waitable` is a handle of a waitable.
pub unsafe fn unregister(waitable: u32) -> *mut c_void {
    // SAFETY: as the caller says.
    unsafe { abi::waitable_join(waitable, 0) };
    match remove(waitable) {
        Some(waiting) => {
            release(&waiting);
            ended();
            waiting.argument
        }
        None => ptr::null_mut(),
    }
}

/// Has a waitable join the set until [`leave`]. Its operations are counted with
/// [`begun`] and [`ended`].
///
/// # Safety
///
/// As for [`register`].
pub(crate) unsafe fn join(waitable: u32, callback: Callback, argument: *mut c_void) {
    insert(
        waitable,
        Waiting {
            callback,
            argument,
            stays: true,
            holds: false,
        },
    );
}

/// # Safety
///
/// `waitable` is a handle of a waitable that has joined.
pub(crate) unsafe fn leave(waitable: u32) {
    // SAFETY: as the caller says.
    unsafe { abi::waitable_join(waitable, 0) };
    remove(waitable);
}

/// Calls who waits for `waitable`, which has had an event.
pub(crate) fn deliver(waitable: u32, code: u32) {
    let waiting = SET.with(|set| {
        let all = set.waiting.borrow();
        all.get(waitable as usize).copied().flatten()
    });
    // Nothing is in the set that nobody waits for.
    let Some(waiting) = waiting else { return };
    if !waiting.stays {
        // SAFETY: the waitable has just had an event.
        unsafe { unregister(waitable) };
    }
    // SAFETY: whoever registered it said so.
    unsafe { (waiting.callback)(waiting.argument, code) };
}

/// Takes the events that are there, without waiting; returns how many.
pub(crate) fn drain() -> usize {
    if pending() == 0 {
        return 0;
    }
    let set = handle();
    let mut payload = [0; 2];
    for n in 0..AT_ONCE {
        // SAFETY: the set exists, and the pointer is to room for two numbers.
        let event = unsafe { abi::waitable_set_poll(set, &mut payload) };
        if event == abi::EVENT_NONE || event == abi::EVENT_CANCEL {
            return n;
        }
        deliver(payload[0], payload[1]);
    }
    AT_ONCE
}

/// As [`drain`]; if there is nothing, lets the host get on with what is pending,
/// which it does not by itself while the program runs, and looks again.
pub(crate) fn look() -> usize {
    match drain() {
        0 if pending() > 0 && run::entered() => {
            // SAFETY: it has no preconditions, and the task may block.
            unsafe { abi::thread_yield() };
            drain()
        }
        events => events,
    }
}

/// Waits until there is an event, and takes all that are there.
///
/// Something has to be pending, or it is forever.
pub(crate) fn block() -> usize {
    debug_assert!(run::entered() && pending() > 0);
    let mut payload = [0; 2];
    // SAFETY: the set exists, and the pointer is to room for two numbers.
    let event = unsafe { abi::waitable_set_wait(handle(), &mut payload) };
    if event == abi::EVENT_NONE || event == abi::EVENT_CANCEL {
        return 0;
    }
    deliver(payload[0], payload[1]);
    1 + drain()
}
