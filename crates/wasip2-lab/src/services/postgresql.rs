//! PostgreSQL, from the package `postgresql`.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, bail};

use super::server::{self, Server};
use super::service::{Service, Start};
use wasip2_ground::process::quoted_tail;
use wasip2_ground::{Console, Home};
use wasip2_toolchain::programs::{self, Found};

/// The server refuses to run as root; this is Debian's `nobody`.
const NOBODY: u32 = 65534;

/// Who connects, with a password that is asked for (SCRAM).
const USER: &str = "wasip2";
const PASSWORD: &str = "secret";

/// Makes a cluster and starts its server.
pub fn start(home: &Home, console: &Console) -> Result<Start> {
    let places = ["/usr/lib/postgresql/*/bin", "/usr/bin"];
    let programs = match programs::find("postgres", &places, "postgresql", home, console)? {
        Found::Here(programs) => programs,
        Found::Missing(reason) => return Ok(Start::Missing(reason)),
    };
    let user = rustix::process::geteuid().is_root().then_some(NOBODY);
    if user.is_some()
        && let Some(closed) = programs.closed_to_others()
    {
        return Ok(Start::Missing(format!(
            "PostgreSQL does not run as root, and no other user can read {}",
            closed.display()
        )));
    }
    let directory = tempfile::tempdir().context("a directory for PostgreSQL could not be made")?;
    let data = directory.path().join("data");
    let secret = directory.path().join("password");
    fs::write(&secret, PASSWORD)?;
    if let Some(user) = user {
        for path in [directory.path(), &secret] {
            std::os::unix::fs::chown(path, Some(user), None)?;
        }
    }

    let spinner = console.spinner("Starting", "PostgreSQL");
    let mut command = programs.command("initdb");
    command
        .arg("--pgdata")
        .arg(&data)
        .args(["--username", USER, "--auth", "scram-sha-256", "--pwfile"])
        .arg(&secret)
        .args(["--encoding", "UTF8", "--locale", "C", "--no-sync"])
        .current_dir(&directory);
    server::run_as(&mut command, user);
    let made = command.output().context("initdb could not start")?;
    if !made.status.success() {
        bail!(
            "PostgreSQL's initdb failed ({}){}",
            made.status,
            quoted_tail(&made.stderr, 10)
        );
    }

    let port = server::free_port()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut command = programs.command("postgres");
    command
        .arg("-D")
        .arg(&data)
        .args(["-p", &port.to_string()])
        .args(["-c", "listen_addresses=127.0.0.1"])
        .args(["-c", "unix_socket_directories="])
        .args(["-c", "fsync=off"])
        .current_dir(&directory);
    let server = Server::start("PostgreSQL", command, directory, user)?;
    // What its own pg_ctl waits for.
    let state = data.join("postmaster.pid");
    server.wait_until(|| {
        fs::read_to_string(&state)
            .is_ok_and(|state| state.lines().nth(7).map(str::trim) == Some("ready"))
    })?;
    spinner.finish_and_clear();
    let url = format!("postgres://{USER}:{PASSWORD}@{address}/postgres");
    Ok(Start::Running(Service::new(address, url, server)))
}
