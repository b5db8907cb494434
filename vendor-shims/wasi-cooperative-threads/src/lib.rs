//! Closures on stacks of their own, by the [cooperative threads] of the component model.
//!
//! A WebAssembly component has one stack, and on WASI 0.2 no threads. So, code
//! that blocks until other code of the component has done something cannot be
//! left and come back to. With this crate, it can: [`run`] calls a closure on a
//! stack of its own, [`suspend`] leaves it in the middle of whatever it does, and
//! [`resume`] goes on there. One closure runs at a time. A switch takes less than
//! a microsecond, a stack that is used again about two.
//!
//! It is an implementation detail of patched crates, such as Tokio, and an opt-in:
//! the host has to know these built-ins (Wasmtime does since version 48, with
//! `-W component-model-threading`), and refuses the component otherwise. So, all
//! of it is there only if the program is built with
//!
//! ```text
//! RUSTFLAGS="--cfg wasip2_threads -C link-arg=--export-table"
//! ```
//!
//! and [`ENABLED`] says so. In other programs, and on other targets, the functions
//! are there to be compiled, and are not to be called.
//!
//! # What is not kept apart
//!
//! To Rust, all stacks are one thread. They share its thread-locals, and code on
//! one stack sees what code on another one has set there. This includes what the
//! standard library has in them, such as whether the thread is panicking. That is
//! why the functions that switch are unsafe: a crate may rely on that what it has
//! set for the time of a call is taken back before its caller goes on.
//!
//! [cooperative threads]: https://github.com/WebAssembly/component-model/blob/main/design/mvp/Concurrency.md

#[cfg(all(wasip2_threads, target_os = "wasi", target_env = "p2"))]
mod built_ins;
#[cfg(all(wasip2_threads, target_os = "wasi", target_env = "p2"))]
mod enabled;
#[cfg(all(wasip2_threads, target_os = "wasi", target_env = "p2"))]
mod stack;

#[cfg(all(wasip2_threads, target_os = "wasi", target_env = "p2"))]
use enabled as implementation;
#[cfg(all(wasip2_threads, target_os = "wasi", target_env = "p2"))]
use enabled::body;

#[cfg(not(all(wasip2_threads, target_os = "wasi", target_env = "p2")))]
mod disabled;
#[cfg(not(all(wasip2_threads, target_os = "wasi", target_env = "p2")))]
use disabled as implementation;

/// Whether the program is built for this.
pub const ENABLED: bool = cfg!(all(wasip2_threads, target_os = "wasi", target_env = "p2"));

/// The least size of a stack.
pub const MIN_SIZE: usize = 16 * 1024;

/// A stack that runs closures, one after another.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct StackId(u32);

/// `run(size, f)`—Calls `f` on a stack of at least `size` bytes, until it ends or
/// is suspended.
///
/// Returns the stack, which is another closure's once this one has ended. If there
/// is no memory for one, returns the closure.
///
/// A panic that `f` does not catch ends the program. A closure that uses more than
/// the stack has writes over other memory; this is found out when it ends or is
/// suspended, and ends the program with a message.
///
/// # Safety
///
/// See [`suspend`].
pub unsafe fn run(size: usize, f: Box<dyn FnOnce()>) -> Result<StackId, Box<dyn FnOnce()>> {
    implementation::run(size, f)
}

/// `resume(stack)`—Lets the closure that is suspended go on, until it ends or is
/// suspended again.
///
/// # Panics
///
/// Panics if none is suspended on this stack.
///
/// # Safety
///
/// See [`suspend`].
pub unsafe fn resume(stack: StackId) {
    implementation::resume(stack)
}

/// `suspend()`—Leaves the closure that this is called in, until somebody resumes it.
///
/// Whoever has run or resumed it last goes on.
///
/// # Panics
///
/// Panics if this is not called on a stack of this crate.
///
/// # Safety
///
/// All stacks share the thread-locals. Whatever code on this stack relies on to be
/// there after the call, or code on other stacks relies on not to be there during it,
/// has to be exchanged around the call, here and where the stack is run and resumed.
pub unsafe fn suspend() {
    implementation::suspend()
}

/// `current()`—The stack that this is called on; `None` for the main one.
pub fn current() -> Option<StackId> {
    implementation::current()
}

/// `left()`—How many bytes are left of the stack that this is called on; `None` for
/// the main one, of which nothing is known here.
pub fn left() -> Option<usize> {
    implementation::left()
}
