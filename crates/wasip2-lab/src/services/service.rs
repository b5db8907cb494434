//! A service while it runs.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

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
    /// Files that clients may want, such as certificates.
    directory: Option<PathBuf>,
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
            directory: None,
            _server: Box::new(server),
        }
    }

    /// The same, with files for its clients in `directory`.
    pub fn with_directory(self, directory: PathBuf) -> Service {
        Service {
            directory: Some(directory),
            ..self
        }
    }

    /// `argument` with `{url}`, `{host}`, `{port}` and `{directory}` replaced by
    /// this service's.
    pub fn fill_in(&self, argument: &str) -> String {
        let directory = self.directory.as_deref().unwrap_or(Path::new("."));
        argument
            .replace("{directory}", &directory.to_string_lossy())
            .replace("{url}", &self.url)
            .replace("{host}", &self.address.ip().to_string())
            .replace("{port}", &self.address.port().to_string())
    }
}
