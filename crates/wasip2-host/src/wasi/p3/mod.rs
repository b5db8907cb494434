//! WASI 0.3: wasmtime-wasi's interfaces beside those of 0.2, which Rust's
//! standard library goes on to call.
//!
//! The state that calls work on, what asks for rights and what runs it all are
//! 0.2's ([`Guest`](super::p2::guest::Guest)): a right is one, whichever version
//! needs it. [`link`] links a component, [`command`] calls one that exports
//! `wasi:cli/run`; [`gate`] stands in for what does not ask back by itself.

pub mod command;
mod gate;
pub mod link;
