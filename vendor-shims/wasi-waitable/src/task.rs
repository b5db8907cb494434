//! The task that bindings register their waitables with.
//!
//! `wasip3_task` is wit-bindgen's C ABI between an executor and the bindings of
//! imports, of whatever version: a single pointer, to a structure that says how a
//! waitable joins the executor's set. This is version 3, which bindings that know
//! version 1 or 2 take for theirs.

use std::cell::RefCell;
use std::ffi::c_void;
use std::future::Future;
use std::pin::Pin;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use crate::set::{self, Callback};
use crate::weak::weak;

type Job = Pin<Box<dyn Future<Output = ()>>>;

/// `wasip3_task_v3`
#[repr(C)]
struct Task {
    version: u32,
    ptr: *mut c_void,
    register: Register,
    unregister: Unregister,
    vtable: &'static Vtable,
}

/// `wasip3_task_vtable_v3`
#[repr(C)]
struct Vtable {
    register: Register,
    unregister: Unregister,
    clone: unsafe extern "C" fn(*mut c_void) -> *mut c_void,
    drop: unsafe extern "C" fn(*mut c_void),
    spawn: Option<Spawn>,
}

type Register = unsafe extern "C" fn(*mut c_void, u32, Callback, *mut c_void) -> *mut c_void;
type Spawn = unsafe fn(*mut c_void, Box<dyn Future<Output = ()>>);
type Unregister = unsafe extern "C" fn(*mut c_void, u32) -> *mut c_void;

static VTABLE: Vtable = Vtable {
    register,
    unregister,
    clone,
    drop: drop_task,
    spawn: Some(spawn),
};

/// Futures that bindings have spawned, with whether they were woken.
type Jobs = Vec<(Arc<Woken>, Job)>;

thread_local! {
    static JOBS: RefCell<Jobs> = const { RefCell::new(Vec::new()) };
}

/// Makes this crate's task the one that bindings register with. Returns whether
/// they took it, as those of the known versions do.
pub(crate) fn install() -> bool {
    // Without it the program has no bindings that could register.
    let Some(wasip3_task_set) = weak().wasip3_task_set else {
        return true;
    };
    let task = Box::new(Task {
        version: 3,
        ptr: ptr::null_mut(),
        register,
        unregister,
        vtable: &VTABLE,
    });
    let task: *mut c_void = Box::into_raw(task).cast();
    // SAFETY: the task is laid out as the ABI says and lives for ever.
    unsafe {
        wasip3_task_set(task);
        // What was set before is what is returned.
        wasip3_task_set(task) == task
    }
}

/// Polls the spawned futures that were woken. Returns whether there were some.
pub(crate) fn run_jobs() -> bool {
    let woken = || {
        JOBS.with(|jobs| {
            let mut jobs = jobs.borrow_mut();
            let index = jobs
                .iter()
                .position(|(woken, _)| woken.0.swap(false, Relaxed))?;
            Some(jobs.swap_remove(index))
        })
    };
    let mut any = false;
    while let Some((woken, mut job)) = woken() {
        any = true;
        let waker = Waker::from(Arc::clone(&woken));
        if job
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
        {
            JOBS.with(|jobs| jobs.borrow_mut().push((woken, job)));
        }
    }
    any
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Relaxed);
    }
}

unsafe extern "C" fn register(
    _: *mut c_void,
    waitable: u32,
    callback: Callback,
    argument: *mut c_void,
) -> *mut c_void {
    // SAFETY: the ABI demands of the caller what `register` does.
    unsafe { set::register(waitable, callback, argument) }
}

unsafe extern "C" fn unregister(_: *mut c_void, waitable: u32) -> *mut c_void {
    // SAFETY: the ABI demands of the caller what `unregister` does.
    unsafe { set::unregister(waitable) }
}

unsafe extern "C" fn clone(task: *mut c_void) -> *mut c_void {
    // There is one task, which lives for ever.
    task
}

unsafe extern "C" fn drop_task(_: *mut c_void) {}

unsafe fn spawn(_: *mut c_void, future: Box<dyn Future<Output = ()>>) {
    let woken = Arc::new(Woken(AtomicBool::new(true)));
    JOBS.with(|jobs| jobs.borrow_mut().push((woken, future.into())));
}
