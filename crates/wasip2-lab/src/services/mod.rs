//! Servers for programs to talk to: real ones, on loopback, for as long as
//! something holds them.
//!
//! Each is found on this machine or taken from Debian's packages into
//! `<home>/services`; nothing is installed. A service has a free port of
//! 127.0.0.1 and its data in a temporary directory, and ends with the process
//! that started it, however that ends.

mod http;
mod openssl;
mod postgresql;
mod redis;
mod server;
mod service;

use anyhow::{Result, bail};

pub use service::{Service, Start};

use wasip2_ground::{Console, Home};

/// The names that [`start`] knows.
pub const NAMES: [&str; 4] = ["http", "openssl", "postgresql", "redis"];

/// Starts the service `name` and waits until it answers. An error is a service
/// that is there and does not work.
pub fn start(name: &str, home: &Home, console: &Console) -> Result<Start> {
    match name {
        "http" => http::start(),
        "openssl" => openssl::start(home, console),
        "postgresql" => postgresql::start(home, console),
        "redis" => redis::start(home, console),
        _ => bail!(
            "there is no service `{name}`; there are {}",
            NAMES.join(", ")
        ),
    }
}
