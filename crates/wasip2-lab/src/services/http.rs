//! The HTTP server of the fixtures.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use wasip2_fixtures::{HttpServer, router};

use super::service::{Service, Start};

/// Serves what the demo asks for, and objects that can be put, got, listed and deleted.
pub fn start() -> Result<Start> {
    let server = HttpServer::start(router()).context("the HTTP server could not start")?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, server.address().port()));
    // With no name, so that a client that cannot look names up gets on.
    let url = format!("http://{address}");
    Ok(Start::Running(Service::new(address, url, server)))
}
