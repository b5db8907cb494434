//! WASI 0.2: wasmtime-wasi's interfaces, and what stands before them.
//!
//! [`link`] links a component to everything that there is; [`command`] calls
//! one that exports `wasi:cli/run`. A [`guest`] is the state that its calls
//! work on, also where it calls another version; [`memory`] is what it may grow
//! to. [`gate`] stands in for interfaces that do not ask back by themselves;
//! [`network`], [`names`] and [`http`] are what is asked; [`inside`] are hosts
//! that are components of this process, and [`presence`] keeps what a guest
//! leaves unfinished from looking whole. [`clock`] is time as it may be told to
//! pass. [`denial`] keeps what was refused, [`statistics`] what was counted,
//! [`event_loop`] runs it all.

mod accept;
pub mod clock;
pub mod command;
pub mod denial;
pub mod event_loop;
pub mod exchange;
pub mod gate;
pub mod guest;
mod http;
pub mod https;
pub mod inside;
pub mod link;
pub mod memory;
mod names;
mod network;
#[cfg(unix)]
mod output;
mod presence;
pub mod statistics;
