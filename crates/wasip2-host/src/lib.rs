//! Runs and serves WebAssembly components, in hosts that differ in everything
//! but this contract:
//!
//! - A guest has the rights that its command line gives it and no other. What
//!   it is refused fails in the guest with the error that WASI has for it, and
//!   the host says at the end which flag would have allowed it.
//! - Run: standard input, output and error are this process's own; the guest's
//!   `argv[0]` is the component's file name. The host itself writes nothing to
//!   standard output. The exit code is the guest's, or [`TIMED_OUT`], or
//!   [`TRAPPED`]; an error means that the guest never started. Ctrl-C is left
//!   alone: no handler is installed, so the signal ends this process, and the
//!   guest with it, as it ends a native program. A shell shows 130.
//! - Served: whatever a guest does, a client gets a whole response, status 500
//!   or 504, or a connection that ends before the response does: never a part
//!   of a response that looks whole. A guest that traps takes down its own
//!   instance and no other. The first line of standard output is the server's
//!   URL. Ctrl-C ends it, see [`mod@serve`].
//!
//! [`hosts`] has a file for each host, behind one trait. The one of this
//! program is Wasmtime: [`engine`], [`component`] and [`cache`] make a file
//! into code; [`interfaces`] says for which version of WASI it is, and [`wasi`]
//! has a directory for each; [`mod@serve`] answers requests with instances. [`preinit`] makes of a handler one whose
//! instances have begun already, and [`compose`]
//! puts components into one. [`program`] runs one component many times.

// The first pages are for whoever works on this, too.
#![allow(rustdoc::private_intra_doc_links)]

mod arguments;
mod cache;
mod component;
pub mod compose;
mod end;
mod engine;
pub mod hosts;
mod interfaces;
pub mod preinit;
mod program;
mod rights;
mod routes;
pub mod serve;
mod stand_ins;
mod timeout;
mod trap;
pub mod wasi;

use anyhow::Result;

use wasip2_ground::{Console, Home};

pub use arguments::{HostArgs, Kind, Mode, ServeArgs};
pub use end::{End, TIMED_OUT, TRAPPED, code as exit_code, complaint, first_panic};
pub use program::{Loader, Program};
pub use rights::{Directory, Rights, Variable};
pub use routes::Routes;
pub use stand_ins::StandIns;
pub use timeout::parse as parse_duration;
pub use wasi::p2::denial::Denials;
pub use wasi::p2::statistics::Statistics;

/// Runs a component to its end and gives back the exit code.
///
/// Compiled components are kept in the tool's home.
///
/// After [`TIMED_OUT`], a guest that was waiting in the host is still there,
/// on a thread of its own: the caller is expected to end the process.
pub fn run(arguments: &HostArgs, home: &Home, console: &Console) -> Result<u8> {
    hosts::of(arguments.host).run(arguments, home, console)
}

/// Serves HTTP by a component until Ctrl-C; gives back the exit code.
pub fn serve(arguments: &ServeArgs, home: &Home, console: &Console) -> Result<u8> {
    hosts::of(arguments.host).serve(arguments, home, console)
}
