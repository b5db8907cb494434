//! Drives the tool as a user would: through its command line, against real
//! servers on loopback.

mod apply;
mod branch;
mod bump;
mod guests;
mod host;
mod init;
mod lint;
mod sample;
mod setup;
mod tool;
mod waits;
