//! Stacks in the linear memory, and threads that use them.

use crate::built_ins;

use std::alloc::{alloc, Layout};

extern "C" {
    #[link_name = "wasi_cooperative_threads_0_1_get"]
    fn stack_pointer() -> *mut u8;

    #[link_name = "wasi_cooperative_threads_0_1_set"]
    fn set_stack_pointer(to: *mut u8);

    /// Where a thread begins. It has its stack from here on, and calls `body`.
    #[link_name = "wasi_cooperative_threads_0_1_start"]
    fn start(top: *mut u8);
}

/// What is at the top of a stack, where its thread finds it.
#[repr(C, align(16))]
struct Top {
    id: u32,
}

/// How many bytes lie below a stack that nobody uses, so that one which is a bit too
/// small does no harm before that is found out.
const GUARD: usize = 64 * 1024;

/// How many of them, next to the stack, are there to be found changed.
const CANARY: usize = 256;

const CANARY_WORD: u64 = 0x5afe_57ac_c0de_d00d;

const ALIGNMENT: usize = 16;

/// A stack, which is never freed.
#[derive(Debug)]
pub(crate) struct Stack {
    /// Its lowest address.
    end: *mut u8,
    pub(crate) size: usize,
    /// The component model's name for the thread.
    pub(crate) thread: u32,
}

impl Stack {
    /// Makes one whose thread is to call `body` with `id`. `None` if there is no
    /// memory for it.
    pub(crate) fn new(size: usize, id: u32) -> Option<Stack> {
        let layout = Layout::from_size_align(GUARD.checked_add(size)?, ALIGNMENT).ok()?;
        // SAFETY: the size is not 0.
        let guard = unsafe { alloc(layout) };
        if guard.is_null() {
            return None;
        }
        // SAFETY: within the allocation.
        let end = unsafe { guard.add(GUARD) };
        for word in canary(end) {
            // SAFETY: within the allocation, and aligned.
            unsafe { word.write(CANARY_WORD) };
        }
        // SAFETY: `size` is a multiple of the alignment, and enough for `Top`, as
        // `crate::run` sees to it.
        let thread = unsafe {
            let top = end.add(size).cast::<Top>().sub(1);
            top.write(Top { id });
            built_ins::new_indirect(start, top.cast())
        };
        Some(Stack { end, size, thread })
    }

    /// How many bytes are left below `address`, which is on it.
    pub(crate) fn left(&self, address: *const u8) -> usize {
        (address as usize).saturating_sub(self.end as usize)
    }

    /// Ends the program if more was used than there is.
    pub(crate) fn check(&self) {
        for word in canary(self.end) {
            // SAFETY: within the allocation. It is read as whatever it is by now.
            if unsafe { word.read_volatile() } != CANARY_WORD {
                overflown(self.size);
            }
        }
    }
}

/// The words below `end`.
fn canary(end: *mut u8) -> impl Iterator<Item = *mut u64> {
    (1..=CANARY / 8).map(move |at| end.cast::<u64>().wrapping_sub(at))
}

#[cold]
fn overflown(size: usize) -> ! {
    // What lies below the stack has been written over, so nothing can be trusted.
    eprintln!(
        "\nfatal: a closure used more than the {} KiB of the stack that it ran on, and has written \
         over other memory. Give such closures larger stacks (for blocking tasks of Tokio, with \
         `runtime::Builder::thread_stack_size`)",
        size / 1024
    );
    std::process::abort();
}

/// Where the thread of a stack begins, which now is the current one.
#[export_name = "wasi_cooperative_threads_0_1_body"]
extern "C" fn body(top: *const Top) {
    // SAFETY: `Stack::new` has written it.
    crate::body(unsafe { (*top).id })
}

/// Calls `f`, in which other threads run, and makes this thread's stack the
/// current one again.
#[inline(always)]
fn keep_stack(f: impl FnOnce()) {
    // SAFETY: between the two, the threads that run use stacks of their own, and
    // nobody but this one moves its stack pointer.
    unsafe {
        let kept = stack_pointer();
        f();
        set_stack_pointer(kept);
    }
}

/// Runs `thread` until it switches to this one.
pub(crate) fn switch_to(thread: u32) {
    // SAFETY: `crate::resume` has seen to it that the thread is suspended; if it
    // weren't, the host would end the program.
    keep_stack(|| unsafe {
        built_ins::yield_then_resume(thread);
    });
}

/// Runs `thread`, which had switched to this one, until somebody does so again.
pub(crate) fn switch_back(thread: u32) {
    // SAFETY: as above. It is ready since.
    keep_stack(|| unsafe {
        built_ins::suspend_then_promote(thread);
    });
}
