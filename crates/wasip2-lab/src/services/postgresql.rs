//! PostgreSQL, from the package `postgresql`.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::server::{self, Server};
use super::service::{Service, Start};
use wasip2_ground::files::hex;
use wasip2_ground::process::quoted_tail;
use wasip2_ground::{Console, Home};
use wasip2_toolchain::programs::{self, Found};

/// The server refuses to run as root; this is Debian's `nobody`.
const NOBODY: u32 = 65534;

/// Who connects, with a password that is asked for (SCRAM), and the database
/// that is its own. It has no other right: a superuser of PostgreSQL can run
/// programs as the user that the server runs as.
const USER: &str = "wasip2";

/// The superuser, whose password nobody keeps.
const SUPERUSER: &str = "postgres";

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
    fs::write(&secret, random()?)?;
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
        .args([
            "--username",
            SUPERUSER,
            "--auth",
            "scram-sha-256",
            "--pwfile",
        ])
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

    let password = random()?;
    let mut command = programs.command("postgres");
    command
        .args(["--single", "-j", "-D"])
        .arg(&data)
        .args(["-c", "fsync=off", "postgres"])
        .current_dir(&directory);
    server::run_as(&mut command, user);
    // Each ends with an empty line, by `-j`.
    let statements = format!(
        "CREATE ROLE {USER} LOGIN PASSWORD '{password}';\n\nCREATE DATABASE {USER} OWNER {USER};\n\n"
    );
    say(&mut command, &statements)?;

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
    let url = format!("postgres://{USER}:{password}@{address}/{USER}");
    Ok(Start::Running(Service::new(address, url, server)))
}

/// A password: other users of this machine can connect, too.
fn random() -> Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .context("no random numbers could be had for a password")?;
    Ok(hex(&bytes))
}

/// Has a server without a network run `statements`.
fn say(command: &mut Command, statements: &str) -> Result<()> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("PostgreSQL could not start")?;
    let mut stdin = child.stdin.take().context("its input is not there")?;
    stdin.write_all(statements.as_bytes())?;
    drop(stdin);
    let output = child.wait_with_output()?;
    // In this mode it succeeds even if a statement fails.
    if !output.status.success() || String::from_utf8_lossy(&output.stderr).contains("ERROR:") {
        bail!(
            "PostgreSQL's first user could not be made ({}){}",
            output.status,
            quoted_tail(&output.stderr, 10)
        );
    }
    Ok(())
}
