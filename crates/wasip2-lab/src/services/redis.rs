//! Redis, from the package `redis-server`.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};

use super::server::{self, Server};
use super::service::{Service, Start};
use wasip2_ground::{Console, Home};
use wasip2_toolchain::programs::{self, Found};

/// Starts a server that keeps nothing on disk.
pub fn start(home: &Home, console: &Console) -> Result<Start> {
    let programs =
        match programs::find("redis-server", &["/usr/bin"], "redis-server", home, console)? {
            Found::Here(programs) => programs,
            Found::Missing(reason) => return Ok(Start::Missing(reason)),
        };
    let directory = tempfile::tempdir().context("a directory for Redis could not be made")?;
    let port = server::free_port()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut command = programs.command("redis-server");
    command
        .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
        .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
        .current_dir(&directory);
    let server = Server::start("Redis", command, directory, None)?;
    server.wait_until(|| std::net::TcpStream::connect(address).is_ok())?;
    let url = format!("redis://{address}/");
    Ok(Start::Running(Service::new(address, url, server)))
}
