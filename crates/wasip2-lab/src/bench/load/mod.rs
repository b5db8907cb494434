//! What is at the other end of a program that serves: clients of our own, on
//! one thread, which do as little as they can beside counting.

mod clients;
pub mod http;
mod recorder;
pub mod spread;
pub mod tcp_echo;
pub mod udp_echo;

use std::net::SocketAddr;

use anyhow::{Context, Result};

pub use recorder::Load;

/// The address that a server said, as it is or as a URL.
pub fn address(line: &str) -> Result<SocketAddr> {
    line.trim_start_matches("http://")
        .trim_end_matches('/')
        .parse()
        .with_context(|| format!("it said `{line}` and not its address"))
}
