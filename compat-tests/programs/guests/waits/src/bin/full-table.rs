//! Is linked with a wasi-libc whose table of descriptors cannot grow, and prints
//! what tokio says of the pollable that finds no room, and how often that one
//! was dropped.

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use tokio::io::wasi::AsyncPollable;
use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::io::poll::Pollable;

static INSERTING: AtomicBool = AtomicBool::new(false);

unsafe extern "C" {
    fn __real_descriptor_table_insert(entry: *mut c_void) -> i32;
    fn __real_realloc(memory: *mut c_void, size: usize) -> *mut c_void;
}

/// Stands in for the function that adds a descriptor.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_descriptor_table_insert(entry: *mut c_void) -> i32 {
    INSERTING.store(true, Relaxed);
    // SAFETY: the argument is the caller's.
    let descriptor = unsafe { __real_descriptor_table_insert(entry) };
    INSERTING.store(false, Relaxed);
    descriptor
}

/// Stands in for the function that the table grows with.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_realloc(memory: *mut c_void, size: usize) -> *mut c_void {
    if INSERTING.load(Relaxed) && !memory.is_null() {
        return null_mut();
    }
    // SAFETY: the arguments are the caller's.
    unsafe { __real_realloc(memory, size) }
}

/// A pollable that counts its drops.
struct Counted<'a>(Pollable, &'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.1.fetch_add(1, Relaxed);
    }
}

#[tokio::main]
async fn main() {
    static DROPS: [AtomicUsize; 100] = [const { AtomicUsize::new(0) }; 100];

    let mut pollables = Vec::new();
    for drops in &DROPS {
        let counted = Counted(subscribe_duration(0), drops);
        match AsyncPollable::new(counted, |counted| counted.0.handle()) {
            Ok(pollable) => pollables.push(pollable),
            Err(error) => {
                println!("{:?}, dropped {}", error.kind(), drops.load(Relaxed));
                break;
            }
        }
    }
    drop(pollables);
    println!(
        "{} drops",
        DROPS.iter().map(|drops| drops.load(Relaxed)).sum::<usize>()
    );
}
