//! Drives the tool as a user would: through its command line, against real
//! servers on loopback.

mod apply;
mod bench;
mod branch;
mod browser;
mod bump;
mod chains;
mod compose;
mod differences;
mod faults;
mod guests;
mod host;
mod http_cases;
mod http_client;
mod init;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod interrupted;
mod jco;
mod lint;
mod matrix;
mod one_stack;
mod poll_host;
mod preinit;
mod rights;
mod sample;
mod serve;
mod serve_connections;
mod serve_examples;
mod serve_faults;
mod serve_limits;
mod serve_load;
mod serve_pool;
mod serve_shared;
mod server;
mod setup;
mod stand_ins;
mod stdio;
mod suite;
mod survey;
mod teams;
mod tool;
mod unwinding;
mod waitable;
mod waits;
mod wasi_0_3;
mod wasmtime;
