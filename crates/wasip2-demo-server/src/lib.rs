//! The HTTP server that the examples of cargo-wasip2 talk to: real HTTP/1.1 on
//! loopback, by hyper, on a thread of its own.
//!
//! The contract: [`answer`] is all that it does, so that another server can do
//! the same beside more ([`answer`] says what there is); [`DemoServer`] is it
//! on a free port; [`Background`] is the thread, for any server.

#![warn(missing_docs, missing_debug_implementations)]

mod background;
mod server;
mod site;
mod waits;

pub use background::Background;
pub use server::{DemoServer, answer};
pub use waits::Waits;
