//! The `openssl` command as a peer in TLS handshakes, from the package
//! `openssl`.
//!
//! The service takes one line a connection, and answers with one:
//! - `serve VERSION WHO` starts `openssl s_server` and answers with its port.
//!   `WHO` is `anyone`, or `client` where a client has to show its certificate.
//!   It sends each line back, reversed.
//! - `page VERSION` starts one that answers HTTP with a page about the
//!   connection, and answers with its port.
//! - `connect PORT VERSION WHO` starts `openssl s_client`, which sends `hello`,
//!   and answers `got LINE`, or `failed`. `WHO` is `anyone`, `client`,
//!   `stranger` (with a certificate that nobody trusts), `elsewhere` (which asks
//!   for another host than is there) or `distrustful` (whose authorities are
//!   others).

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::server::{self, Server};
use super::service::{Service, Start};
use crate::checkout::Checkout;
use wasip2_ground::{Console, Home};
use wasip2_toolchain::programs::{self, Found, Programs};

/// Its certificates are those of the guests.
const CERTIFICATES: &str = "compat-tests/programs/ecosystem/certificates";

/// Starts the service.
pub fn start(home: &Home, console: &Console) -> Result<Start> {
    let programs = match programs::find("openssl", &["/usr/bin"], "openssl", home, console)? {
        Found::Here(programs) => programs,
        Found::Missing(reason) => return Ok(Start::Missing(reason)),
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let certificates = Checkout::find(home)?.root().join(CERTIFICATES);
    let peer = Peer {
        programs,
        certificates: certificates.clone(),
    };
    std::thread::Builder::new()
        .name("openssl".to_owned())
        .spawn(move || {
            // The servers end with this thread, which ends with the process.
            let mut servers = Vec::new();
            for stream in listener.incoming().flatten() {
                let answer = peer.answer(&stream, &mut servers);
                let answer = answer.unwrap_or_else(|error| format!("error {error:#}"));
                let _ = writeln!(&stream, "{}", answer.replace('\n', " "));
            }
        })?;
    let url = format!("tcp://{address}");
    let service = Service::new(address, url, ()).with_directory(certificates);
    Ok(Start::Running(service))
}

/// What starts the command.
struct Peer {
    programs: Programs,
    certificates: PathBuf,
}

impl Peer {
    fn answer(&self, stream: &TcpStream, servers: &mut Vec<Server>) -> Result<String> {
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["serve", version, who] => self.serve(version, &["-rev"], who, servers),
            ["page", version] => self.serve(version, &["-www"], "anyone", servers),
            ["connect", port, version, who] => self.connect(port, version, who),
            _ => bail!("`{}` is nothing to do", line.trim()),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.certificates.join(name)
    }

    fn serve(
        &self,
        version: &str,
        flags: &[&str],
        who: &str,
        servers: &mut Vec<Server>,
    ) -> Result<String> {
        let port = server::free_port()?;
        let mut command = self.programs.command("openssl");
        command
            .args(["s_server", "-accept", &format!("127.0.0.1:{port}")])
            .args(flags)
            .arg(format!("-{version}"));
        with_certificate(&mut command, &self.certificates, "localhost");
        if who == "client" {
            command
                .args(["-Verify", "1", "-verify_return_error", "-CAfile"])
                .arg(self.file("clients.pem"));
        }
        let directory = tempfile::tempdir().context("a directory for openssl could not be made")?;
        let server = Server::start("openssl s_server", command, directory, None)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        server.wait_until(|| TcpStream::connect(address).is_ok())?;
        servers.push(server);
        Ok(port.to_string())
    }

    fn connect(&self, port: &str, version: &str, who: &str) -> Result<String> {
        let mut command = self.programs.command("openssl");
        let (roots, name) = match who {
            "distrustful" => ("clients.pem", "localhost"),
            "elsewhere" => ("authority.pem", "example.org"),
            _ => ("authority.pem", "localhost"),
        };
        command
            .args([
                "s_client",
                "-quiet",
                "-connect",
                &format!("127.0.0.1:{port}"),
            ])
            .arg(format!("-{version}"))
            .args(["-servername", "localhost", "-verify_hostname", name])
            .args(["-verify_return_error", "-CAfile"])
            .arg(self.file(roots));
        match who {
            "client" => with_certificate(&mut command, &self.certificates, "client"),
            "stranger" => with_certificate(&mut command, &self.certificates, "localhost"),
            _ => {}
        }
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut child = Ending(child);
        let mut input = child.0.stdin.take().context("it has an input")?;
        input.write_all(b"hello\n")?;
        let output = child.0.stdout.take().context("it has an output")?;
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(output).read_line(&mut line);
            let _ = tell.send(line);
        });
        let line = told
            .recv_timeout(Duration::from_secs(60))
            .unwrap_or_default();
        Ok(match line.trim() {
            "" => "failed".to_owned(),
            line => format!("got {line}"),
        })
    }
}

fn with_certificate(command: &mut Command, certificates: &Path, name: &str) {
    command
        .arg("-cert")
        .arg(certificates.join(format!("{name}.pem")))
        .arg("-key")
        .arg(certificates.join(format!("{name}.key")));
}

/// A process that is ended when this is dropped.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
