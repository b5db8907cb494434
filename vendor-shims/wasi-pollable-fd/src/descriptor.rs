//! The entry of a pollable in wasi-libc's table of descriptors.
//!
//! All of wasi-libc's private interface is in this file. An entry is a pointer
//! to data and one to a table of functions. The functions differ between
//! versions in number, order and type. Known is:
//!
//! - The data starts with a reference count, 0 for one reference (from July
//!   2026 on; not looked at before).
//! - The first function frees the data.
//! - One of the others is called by `poll(2)` to register the descriptor, and
//!   then another one if something is ready. Both have the type of [`Slot`].
//!
//! So every slot but the first holds a function of that type, each one of its
//! own. The self-test tells which two `poll(2)` calls; from then on, the
//! others are known not to be called by it, and fail. A slot whose real type is
//! another one, such as that of `read(2)`, traps when it is called, as calls
//! through a pointer of a wrong type do in WebAssembly.

use std::ffi::{c_int, c_short, c_void};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The slot that `poll(2)` calls to register a descriptor; 0 if not known yet.
static REGISTER: AtomicUsize = AtomicUsize::new(0);
/// The slot that `poll(2)` calls for a pollable that is ready; 0 if not known
/// yet.
static FINISH: AtomicUsize = AtomicUsize::new(0);

/// More than any version of wasi-libc has.
const SLOTS: usize = 63;

type Free = unsafe extern "C" fn(*mut c_void);
type Slot = unsafe extern "C" fn(*mut Head, *mut c_void, c_int) -> c_int;

/// What the functions of a descriptor need to know.
#[repr(C)]
struct Head {
    /// wasi-libc's count of further references.
    references: u32,
    /// The pollable's component-model handle.
    handle: u32,
}

/// The data of a descriptor.
#[repr(C)]
struct Data<P> {
    /// At the start, where wasi-libc and [`slot`] look for it.
    head: Head,
    /// Keeps the handle valid.
    pollable: P,
}

#[repr(C)]
struct Functions {
    free: Free,
    slots: [Slot; SLOTS],
}

/// `descriptor_table_entry_t`
#[repr(C)]
struct Entry {
    data: *mut c_void,
    functions: *const Functions,
}

extern "C" {
    fn descriptor_table_insert(entry: Entry) -> c_int;
    fn __wasilibc_poll_add(state: *mut c_void, events: c_short, pollable: u32) -> c_int;
    fn __wasilibc_poll_ready(state: *mut c_void, events: c_short);
}

impl<P> Data<P> {
    const FUNCTIONS: Functions = Functions {
        free: free::<P>,
        slots: every_slot(),
    };
}

/// Puts `pollable` into the table.
pub(crate) fn insert<P: Send + 'static>(
    pollable: P,
    handle: impl FnOnce(&P) -> u32,
) -> io::Result<OwnedFd> {
    let head = Head {
        references: 0,
        handle: handle(&pollable),
    };
    let data = Box::into_raw(Box::new(Data { head, pollable }));
    let entry = Entry {
        data: data.cast(),
        functions: &Data::<P>::FUNCTIONS,
    };
    // SAFETY: the data and the functions are laid out as said above, and stay
    // until wasi-libc calls `free`, which it does once, on the last `close`.
    let fd = unsafe { descriptor_table_insert(entry) };
    if fd < 0 {
        let error = io::Error::last_os_error();
        // SAFETY: it is from `Box::into_raw`, and wasi-libc did not take it.
        drop(unsafe { Box::from_raw(data) });
        return Err(error);
    }
    // SAFETY: the table has just given out this descriptor, to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Whether it is known which slots `poll(2)` calls.
pub(crate) fn slots_known() -> bool {
    REGISTER.load(Relaxed) != 0 && FINISH.load(Relaxed) != 0
}

unsafe extern "C" fn free<P>(data: *mut c_void) {
    // SAFETY: it is the pointer that `insert` gave with this very function.
    drop(unsafe { Box::from_raw(data.cast::<Data<P>>()) });
}

unsafe extern "C" fn slot<const NUMBER: usize>(
    data: *mut Head,
    state: *mut c_void,
    events: c_int,
) -> c_int {
    // The first two calls in a process are those of the self-test's `poll(2)`.
    if REGISTER.load(Relaxed) == 0 {
        REGISTER.store(NUMBER, Relaxed);
    } else if FINISH.load(Relaxed) == 0 && REGISTER.load(Relaxed) != NUMBER {
        FINISH.store(NUMBER, Relaxed);
    }

    if NUMBER == REGISTER.load(Relaxed) {
        // SAFETY: only `poll(2)` calls this slot, so `state` is its state, and
        // the data is what `insert` made and `free` has not yet got.
        unsafe { __wasilibc_poll_add(state, events as c_short, (*data).handle) }
    } else if NUMBER == FINISH.load(Relaxed) {
        // SAFETY: only `poll(2)` calls this slot, so `state` is its state.
        unsafe { __wasilibc_poll_ready(state, events as c_short) };
        0
    } else {
        // Some other function of libc, such as `getsockname(2)`.
        // SAFETY: errno is always there to be written.
        unsafe { *libc::__errno_location() = libc::ENOTSUP };
        -1
    }
}

macro_rules! slots {
    ($($number:literal)*) => {
        [$(slot::<$number>),*]
    };
}

/// One function for each slot, so that they can be told apart.
#[rustfmt::skip]
const fn every_slot() -> [Slot; SLOTS] {
    slots![
        1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32
        33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63
    ]
}
