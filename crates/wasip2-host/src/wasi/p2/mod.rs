//! WASI 0.2: wasmtime-wasi's interfaces, and what stands before them.
//!
//! [`link`] links a component to everything that there is; [`command`] calls
//! one that exports `wasi:cli/run`. A [`guest`] is the state that its calls
//! work on, also where it calls another version; [`memory`] is what it may grow
//! to. [`gate`] stands in for interfaces that do not ask back by themselves;
//! [`network`] and [`http`] are what is asked, and [`presence`] keeps what a
//! guest leaves unfinished from looking whole. [`denial`] keeps what was
//! refused, [`statistics`] what was counted, [`event_loop`] runs it all.

mod accept;
pub mod command;
pub mod denial;
pub mod event_loop;
pub mod gate;
pub mod guest;
mod http;
mod https;
pub mod link;
pub mod memory;
mod network;
#[cfg(unix)]
mod output;
mod presence;
pub mod statistics;
