//! Where the heap of an instance begins.

use std::sync::atomic::AtomicU8;

/// Has the heap begin near the start of a page of WebAssembly, if there is a
/// mutable static of it.
///
/// The heap begins behind the statics, and the linker gives it what is left of
/// their last page, so luck decides how much that is. What a small request
/// needs may be more; then the memory grows, and the host has to protect and
/// unprotect pages for every instance, which can take longer than all else.
/// This one takes no memory, but has to be at the start of a page, and few
/// statics follow it.
#[doc(hidden)]
#[derive(Debug)]
#[repr(align(65536))]
pub struct PageStart([AtomicU8; 0]);

impl PageStart {
    /// What a static of it is.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> PageStart {
        PageStart([])
    }
}
