//! Functions that a program may not have, see `build.rs`.

use std::ffi::{c_int, c_void};

/// Those that it has.
#[repr(C)]
pub(crate) struct Weak {
    /// Of wasi-libc; the argument is a structure, passed by a pointer to it.
    pub(crate) descriptor_table_insert: Option<unsafe extern "C" fn(*mut [usize; 2]) -> c_int>,
    /// Of wit-bindgen, in every version that has component-model async.
    pub(crate) wasip3_task_set: Option<unsafe extern "C" fn(*mut c_void) -> *mut c_void>,
    /// The program's `main`, which a library that is a component has not.
    pub(crate) main_void: Option<unsafe extern "C" fn() -> c_int>,
}

extern "C" {
    #[link_name = "wasi_waitable_0_1_weak"]
    static WEAK: Weak;
}

pub(crate) fn weak() -> &'static Weak {
    // SAFETY: it is laid out as `build.rs` says, and nothing writes to it.
    unsafe { &WEAK }
}
