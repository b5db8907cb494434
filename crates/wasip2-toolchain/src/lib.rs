//! Makes the target `wasm32-wasip2` usable, and finds or fetches every other
//! program that building for it takes.
//!
//! The contract, which every file here keeps its part of:
//! - What is there and works is left alone, and told apart from what is not
//!   in well under a tenth of a second, because every build asks ([`target`]).
//! - rustup is asked first, where it manages the toolchain ([`rustup`]).
//! - Else the same thing is made from Debian's `rust-src` and `wasi-libc`
//!   ([`packages`] says in which versions, [`debian`] fetches and verifies
//!   them), built by the toolchain's own cargo ([`std_build`]). [`setup`] puts
//!   these steps in order.
//! - Nothing is installed in the system, and no root is needed: everything is
//!   below the tool's home, but for the target in the sysroot.
//! - It may be interrupted at any moment. The target comes into place whole,
//!   by one rename ([`install`]), and the next run goes on from what is there.
//! - Every variant of wasi-libc can be had beside the target's ([`libc`]), and
//!   a second target, whose panics unwind, beside the toolchain's
//!   ([`unwinding`]).
//! - Programs that are not Rust's, where they are not installed, come from the
//!   same archive ([`programs`], [`clang`]); those that cargo or npm can
//!   install are pinned, and installed below the tool's home ([`cargo_tool`],
//!   [`jco`]).
//! - [`findings()`] says what of all that is there, and what to do about the
//!   rest.

// The first page is for whoever works on this, too.
#![allow(rustdoc::private_intra_doc_links)]

mod cargo;
mod cargo_hack;
mod cargo_tool;
mod clang;
mod debian;
mod findings;
mod install;
pub mod jco;
pub mod libc;
mod packages;
mod panic;
pub mod programs;
mod rustup;
mod semver_checks;
pub mod setup;
mod sources;
mod std_build;
mod std_changes;
mod std_source;
mod target;
mod toolchain;
pub mod unwinding;
pub mod wasmtime;

pub use cargo_hack::cargo_hack;
pub use clang::{CC, Clang, Compiler};
pub use findings::{Condition, Finding, findings};
pub use jco::Node;
pub use libc::Libc;
pub use panic::Panic;
pub use semver_checks::semver_checks;
pub use setup::{Installed, ensure};
pub use sources::Sources;
pub use target::Origin;
pub use toolchain::Toolchain;
pub use unwinding::Unwinding;
