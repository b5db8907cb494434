//! The ground floor: what every part of cargo-wasip2 stands on.
//!
//! The contract, a module for each part of it:
//!
//! - [`console`]: whatever a person reads goes to standard error through one
//!   door, in cargo's own look; standard output is for results.
//! - [`command_line`]: the flags that every program of ours has, and how an
//!   error and an exit code leave it.
//! - [`files`]: a file is written whole or not at all; digests as hexadecimal
//!   digits. [`Unfinished`] is the same for a directory. [`mirror`] keeps a copy
//!   of a directory in step with it.
//! - [`process`]: a program that is run to its end, whose failure tells which
//!   one, where and why. [`child`]: one that may run for so long and no longer.
//!   [`bounded`]: whatever a program writes, so much of it is kept and no more.
//! - [`interrupt`]: what Ctrl-C does, said once.
//! - [`cargo`]: which cargo, which rustc; [`messages`]: what it says as JSON.
//! - [`home`]: where everything is kept that is made. [`lock`] keeps other
//!   processes out meanwhile.
//! - [`Wasi`]: the versions of WASI.
//!
//! Nothing here knows of patches, toolchains, components or hosts.

#![warn(missing_debug_implementations)]

pub mod bounded;
pub mod cargo;
pub mod child;
pub mod command_line;
pub mod console;
pub mod files;
pub mod home;
pub mod interrupt;
pub mod lock;
pub mod messages;
pub mod mirror;
pub mod process;
mod unfinished;
mod wasi;

pub use console::Console;
pub use home::Home;
pub use process::Process;
pub use unfinished::Unfinished;
pub use wasi::Wasi;

/// The target that all of this is about.
pub const TARGET: &str = "wasm32-wasip2";
