//! Waits, beside bindings of WASI 0.3 that register with nobody.

use std::ffi::c_void;
use std::ptr;
use std::time::Duration;

#[tokio::main]
async fn main() {
    tokio::time::sleep(Duration::from_millis(1)).await;
    println!("waited");
}

/// As bindings may have it that share their task otherwise: what they are given
/// is nothing to them.
#[unsafe(no_mangle)]
extern "C" fn wasip3_task_set(_: *mut c_void) -> *mut c_void {
    ptr::null_mut()
}
