//! Servers for programs to talk to: real ones, on loopback, for as long as
//! something holds them.
//!
//! Each is found on this machine or taken from Debian's packages into
//! `<home>/services`; nothing is installed. A service has a free port of
//! 127.0.0.1 and its data in a temporary directory, and ends with the process
//! that started it, however that ends.

mod http;
mod postgresql;
mod redis;
mod server;

use std::fmt::Debug;
use std::net::SocketAddr;

use anyhow::{Result, bail};

use wasip2_ground::console::Console;
use wasip2_ground::home::Home;

/// The names that [`start`] knows.
pub const NAMES: [&str; 3] = ["http", "postgresql", "redis"];

/// A service, or why there is none on this machine.
#[derive(Debug)]
pub enum Start {
    /// It runs, and ends when this is dropped.
    Running(Service),
    /// It is not on this machine and cannot be had, for this reason.
    Missing(String),
}

/// A service that runs until it is dropped.
#[derive(Debug)]
pub struct Service {
    address: SocketAddr,
    url: String,
    _server: Box<dyn Held>,
}

/// What ends a service when it is dropped.
trait Held: Debug + Send {}

impl<T: Debug + Send> Held for T {}

impl Service {
    /// `argument` with `{url}`, `{host}` and `{port}` replaced by this
    /// service's.
    pub fn fill_in(&self, argument: &str) -> String {
        argument
            .replace("{url}", &self.url)
            .replace("{host}", &self.address.ip().to_string())
            .replace("{port}", &self.address.port().to_string())
    }
}

/// Starts the service `name` and waits until it answers. An error is a service
/// that is there and does not work.
pub fn start(name: &str, home: &Home, console: &Console) -> Result<Start> {
    match name {
        "http" => http::start(),
        "postgresql" => postgresql::start(home, console),
        "redis" => redis::start(home, console),
        _ => bail!(
            "there is no service `{name}`; there are {}",
            NAMES.join(", ")
        ),
    }
}
