//! A service while it runs.

use std::fmt::Debug;
use std::net::SocketAddr;

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
    /// The service that `server` is, which clients find at `url`.
    pub fn new(address: SocketAddr, url: String, server: impl Debug + Send + 'static) -> Service {
        Service {
            address,
            url,
            _server: Box::new(server),
        }
    }

    /// `argument` with `{url}`, `{host}` and `{port}` replaced by this
    /// service's.
    pub fn fill_in(&self, argument: &str) -> String {
        argument
            .replace("{url}", &self.url)
            .replace("{host}", &self.address.ip().to_string())
            .replace("{port}", &self.address.port().to_string())
    }
}
