//! Waiting on WASI 0.3.
//!
//! In WASI 0.3 whatever takes time is asynchronous in the component model itself:
//! it ends in a *waitable*, and a task waits for a *waitable set*. This crate has
//! one set for the whole program. Into it go
//!
//! - the futures of any bindings, such as the crate `wasip3` or what `wit-bindgen`
//!   makes: they register with the executor through wit-bindgen's C ABI, in which
//!   this crate is the executor. They can be polled by whatever runtime waits here;
//! - sockets, which stay file descriptors: this crate defines `socket(2)`, so that
//!   std, socket2 and mio use WASI 0.3 without a change. [`poll_readable`] and
//!   [`poll_writable`] wait for one;
//! - [`Lookup`]s of names, the standard streams, and one timer, for the deadline
//!   of [`wait`].
//!
//! [`wait`] is where a runtime parks. What it costs depends on what is ready, not
//! on what is waited for.
//!
//! # How a program comes to it
//!
//! Only a task whose export is asynchronous may block. So this crate exports
//! `wasi:cli/run` of WASI 0.3, which runs the program's `main`, and the linker has
//! to be told so:
//!
//! ```text
//! -C link-arg=--undefined=wasi:cli/run@0.3.2#run
//! -C link-arg=--export-if-defined=wasi:cli/run@0.3.2#run
//! ```
//!
//! Other asynchronous exports, such as `wasi:http/handler`, are called many times
//! and at once. [`export`] has these calls share one executor.
//!
//! A host that has WASI 0.3 prefers that export to the one of WASI 0.2. A program
//! that was started otherwise gets an error that says so from [`wait`].
//!
//! A program waits through one version of WASI: whatever waits as WASI 0.2 does,
//! such as `std::thread::sleep`, stops all of it for that time.
//!
//! The target is `wasm32-wasip2`; elsewhere this crate is empty. There are no
//! threads: all of it is one thread's.
// Where the crate is empty, there is nothing to link to.
#![cfg_attr(
    not(all(target_os = "wasi", target_env = "p2")),
    allow(rustdoc::broken_intra_doc_links)
)]
#![cfg(all(target_os = "wasi", target_env = "p2"))]

mod abi;
mod end;
pub mod export;
mod lookup;
mod net;
mod run;
mod set;
mod stdio;
mod subtask;
mod task;
mod wait;
mod weak;

pub use self::lookup::Lookup;
pub use self::net::{forget, poll_readable, poll_writable};
pub use self::run::may_wait;
pub use self::set::{register, unregister, Callback};
pub use self::stdio::{poll_stdin, Output};
pub use self::wait::{defer_wait, wait};
