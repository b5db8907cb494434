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
//! So at first every slot but `free` holds a function of that type, each one of
//! its own, and the self-test tells which two `poll(2)` calls. All descriptors
//! but those of the self-test have these two alone: wasi-libc takes null for
//! what a descriptor cannot do, and fails. It only calls `fstat` without looking,
//! the fourth slot in all versions.
//!
//! A wasi-libc that has the public function which `PROPOSAL.md` proposes is
//! asked for the descriptor instead, and nothing private is touched.
//!
//! The functions of wasi-libc are referred to weakly, see `build.rs`.

use std::ffi::{c_int, c_short, c_void};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::OnceLock;

/// The slot that `poll(2)` calls to register a descriptor; 0 if not known yet.
static REGISTER: AtomicUsize = AtomicUsize::new(0);
/// The slot that `poll(2)` calls for a pollable that is ready; 0 if not known
/// yet.
static FINISH: AtomicUsize = AtomicUsize::new(0);

/// The slot that `fstat(2)` calls.
const FSTAT: usize = 4;
/// More than any version of wasi-libc has.
const SLOTS: usize = 63;

type Free = unsafe extern "C" fn(*mut Head);
type Slot = unsafe extern "C" fn(*mut Head, *mut c_void, c_int) -> c_int;
type Fstat = unsafe extern "C" fn(*mut Head, *mut c_void) -> c_int;

/// What the functions of a descriptor need to know.
#[repr(C)]
struct Head {
    /// wasi-libc's count of further references.
    references: u32,
    /// The pollable's component-model handle.
    handle: u32,
    /// Drops the data that this is the head of.
    release: unsafe fn(*mut Head),
}

/// The data of a descriptor.
#[repr(C)]
struct Data<P> {
    /// At the start, where wasi-libc and the functions look for it.
    head: Head,
    /// Keeps the handle valid.
    pollable: P,
}

/// `descriptor_vtable_t`
#[repr(C)]
struct Functions {
    free: Free,
    /// Slot 1 is the first one.
    slots: [Option<Slot>; SLOTS],
}

/// `descriptor_table_entry_t`
#[repr(C)]
struct Entry {
    data: *mut Head,
    functions: *const Functions,
}

/// Those of wasi-libc's private functions that it has.
#[repr(C)]
struct Private {
    descriptor_table_insert: Option<unsafe extern "C" fn(Entry) -> c_int>,
    poll_add: Option<unsafe extern "C" fn(*mut c_void, c_short, u32) -> c_int>,
    poll_ready: Option<unsafe extern "C" fn(*mut c_void, c_short)>,
    /// `wasi_pollable_borrow_fd`, which is public.
    borrow_fd: Option<unsafe extern "C" fn(u32, BorrowRelease, *mut c_void) -> c_int>,
}

type BorrowRelease = unsafe extern "C" fn(*mut c_void);

extern "C" {
    #[link_name = "wasi_pollable_fd_0_1_private"]
    static PRIVATE: Private;
}

/// Tells the slots apart.
static PROBES: Functions = Functions {
    free,
    slots: every_slot(),
};

fn private() -> &'static Private {
    // SAFETY: it is laid out as `build.rs` says, and nothing writes to it.
    unsafe { &PRIVATE }
}

/// Whether wasi-libc has the private functions.
pub(crate) fn is_supported() -> bool {
    let private = private();
    is_public()
        || private.descriptor_table_insert.is_some()
            && private.poll_add.is_some()
            && private.poll_ready.is_some()
}

/// Whether wasi-libc has a public function for this.
fn is_public() -> bool {
    private().borrow_fd.is_some()
}

/// Whether it is known which slots `poll(2)` calls.
pub(crate) fn slots_known() -> bool {
    is_public() || REGISTER.load(Relaxed) != 0 && FINISH.load(Relaxed) != 0
}

/// Puts `pollable` into the table.
///
/// Until it is known which slots `poll(2)` calls, nothing but `poll(2)` and
/// `close(2)` may be called on the descriptor.
pub(crate) fn insert<P: Send + 'static>(
    pollable: P,
    handle: impl FnOnce(&P) -> u32,
) -> io::Result<OwnedFd> {
    if let Some(borrow_fd) = private().borrow_fd {
        return borrow(pollable, handle, borrow_fd);
    }
    let Some(descriptor_table_insert) = private().descriptor_table_insert else {
        return Err(io::ErrorKind::Unsupported.into());
    };
    let head = Head {
        references: 0,
        handle: handle(&pollable),
        release: release::<P>,
    };
    let data = Box::into_raw(Box::new(Data { head, pollable }));
    let entry = Entry {
        data: data.cast(),
        functions: functions(),
    };
    // SAFETY: the data and the functions are laid out as said above, and stay
    // until wasi-libc calls `free`, which it does once: on the last `close`, or
    // here, if it fails.
    let fd = unsafe { descriptor_table_insert(entry) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the table has just given out this descriptor, to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Has wasi-libc make the descriptor of a pollable that stays ours.
fn borrow<P: Send + 'static>(
    pollable: P,
    handle: impl FnOnce(&P) -> u32,
    borrow_fd: unsafe extern "C" fn(u32, BorrowRelease, *mut c_void) -> c_int,
) -> io::Result<OwnedFd> {
    let handle = handle(&pollable);
    let data = Box::into_raw(Box::new(pollable));
    // SAFETY: the function's contract: the handle stays valid until `release`
    // gets the data, which is once, on the last `close`, and never if it fails.
    let fd = unsafe { borrow_fd(handle, release_borrowed::<P>, data.cast()) };
    if fd < 0 {
        let error = io::Error::last_os_error();
        // SAFETY: it failed, so the pointer is still ours alone.
        drop(unsafe { Box::from_raw(data) });
        return Err(error);
    }
    // SAFETY: the table has just given out this descriptor, to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

unsafe extern "C" fn release_borrowed<P>(data: *mut c_void) {
    // SAFETY: it is the pointer that `borrow` gave with this very function.
    drop(unsafe { Box::from_raw(data.cast::<P>()) });
}

/// The functions of a descriptor that is inserted now.
fn functions() -> &'static Functions {
    static FUNCTIONS: OnceLock<Functions> = OnceLock::new();

    if !slots_known() {
        return &PROBES;
    }
    FUNCTIONS.get_or_init(|| {
        let mut slots = [None; SLOTS];
        // SAFETY: pointers to functions are alike, and wasi-libc calls this one
        // by its own type.
        slots[FSTAT - 1] = Some(unsafe { std::mem::transmute::<Fstat, Slot>(fstat) });
        slots[REGISTER.load(Relaxed) - 1] = Some(register);
        slots[FINISH.load(Relaxed) - 1] = Some(finish);
        Functions { free, slots }
    })
}

unsafe fn release<P>(data: *mut Head) {
    // SAFETY: it is the pointer that `insert` gave with this very function.
    drop(unsafe { Box::from_raw(data.cast::<Data<P>>()) });
}

unsafe extern "C" fn free(data: *mut Head) {
    // SAFETY: the data is what `insert` made, and errno is always there. What
    // the pollable does when it is dropped is not to hide why that is.
    unsafe {
        let errno = *libc::__errno_location();
        ((*data).release)(data);
        *libc::__errno_location() = errno;
    }
}

unsafe extern "C" fn register(data: *mut Head, state: *mut c_void, events: c_int) -> c_int {
    let Some(poll_add) = private().poll_add else {
        return unsupported();
    };
    // SAFETY: only `poll(2)` calls this, so `state` is its state, and the data
    // is what `insert` made and `free` has not yet got.
    unsafe { poll_add(state, events as c_short, (*data).handle) }
}

unsafe extern "C" fn finish(_: *mut Head, state: *mut c_void, events: c_int) -> c_int {
    let Some(poll_ready) = private().poll_ready else {
        return unsupported();
    };
    // SAFETY: only `poll(2)` calls this, so `state` is its state.
    unsafe { poll_ready(state, events as c_short) };
    0
}

unsafe extern "C" fn fstat(_: *mut Head, _: *mut c_void) -> c_int {
    unsupported()
}

/// Fails, as functions of wasi-libc do.
fn unsupported() -> c_int {
    // SAFETY: errno is always there to be written.
    unsafe { *libc::__errno_location() = libc::ENOTSUP };
    -1
}

unsafe extern "C" fn probe<const NUMBER: usize>(
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
        // SAFETY: `poll(2)` calls this slot, with what `register` is called with.
        unsafe { register(data, state, events) }
    } else if NUMBER == FINISH.load(Relaxed) {
        // SAFETY: as above.
        unsafe { finish(data, state, events) }
    } else {
        unsupported()
    }
}

macro_rules! slots {
    ($($number:literal)*) => {
        [$(Some(probe::<$number>)),*]
    };
}

/// One function for each slot, so that they can be told apart.
#[rustfmt::skip]
const fn every_slot() -> [Option<Slot>; SLOTS] {
    slots![
        1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32
        33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63
    ]
}
