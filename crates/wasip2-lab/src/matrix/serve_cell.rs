//! Has a host serve a component, and asks it.
//!
//! The first line that the host prints is its URL. What is asked, and what has
//! to be answered, is in the plan.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};
use wasip2_ground::bounded::Kept;
use wasip2_ground::{child, interrupt};

use anyhow::{Context, Result, ensure};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::cell::{Counts, Outcome, Variant};
use super::compile::refuse_full_disk;
use super::composition;
use super::found::Found;
use super::guest_cell;
use super::plan::{Ask, ServeWork, Setting};
use super::workshop::Workshop;
use wasip2_host::complaint;

/// How often it is checked whether Ctrl-C was pressed.
const PAUSE: Duration = Duration::from_millis(50);

/// Does the work of a cell.
pub fn run(
    work: &ServeWork,
    variant: Variant,
    setting: &Setting,
    workshop: &mut Workshop,
) -> Result<Found> {
    let limits = workshop.plan.limits;
    let servers = match workshop.servers(setting)? {
        Ok(servers) => servers,
        Err(error) => return Ok(Found::not_built(error)),
    };
    let mut found = Found::new(Outcome::Passes);
    let guest = &work.guest;
    let built = guest_cell::build(guest, variant, setting, &servers, &[], workshop, &mut found)?;
    let Some(component) = built else {
        return Ok(found);
    };
    let Some(component) = composition::compose(component, setting, workshop, &mut found)? else {
        return Ok(found);
    };
    let Some(component) = composition::guard(component, setting, workshop, &mut found)? else {
        return Ok(found);
    };
    let Some(service) = guest_cell::service(guest, workshop, &mut found)? else {
        return Ok(found);
    };
    let mut words = vec![
        "serve".to_owned(),
        format!("--host={}", setting.host),
        "--addr=127.0.0.1:0".to_owned(),
    ];
    for rights in [&guest.rights, &setting.rights] {
        words.extend(guest_cell::filled_in(rights, service.as_ref()));
    }
    words.push(component.to_string_lossy().into_owned());
    let command = workshop.command(&words, &mut found)?;

    // The host compiles the component before it says where it is.
    let (server, line) = Server::start(command, limits.build)?;
    let Some(address) = line.as_deref().and_then(address) else {
        let said = server.end();
        refuse_full_disk(&said)?;
        let error = complaint(&said).unwrap_or("the host printed no URL");
        found.fail(Outcome::Fails, error.to_owned());
        return Ok(found);
    };
    let asked = ask_all(address, &work.requests, &setting.headers, limits.run);
    let said = server.end();
    interrupt::refuse()?;
    refuse_full_disk(&said)?;
    match asked? {
        Asked::Well => {
            let passed = work.requests.iter().map(|ask| ask.at_once as u64).sum();
            found.counts = Some(Counts { passed, of: None });
        }
        Asked::Otherwise(error) => found.fail(Outcome::Fails, error),
        Asked::TooLate => found.fail(
            Outcome::Hangs,
            format!("it had not answered after {} s", limits.run.as_secs()),
        ),
    }
    Ok(found)
}

/// The host and port of the URL that a host tells.
fn address(line: &str) -> Option<&str> {
    let address = line.trim().strip_prefix("http://")?;
    Some(address.trim_end_matches('/'))
}

/// What came of asking.
enum Asked {
    Well,
    /// The first answer that was another.
    Otherwise(String),
    TooLate,
}

/// Asks one after the other, or as many at once as it says, each on a connection
/// of its own.
fn ask_all(
    address: &str,
    requests: &[Ask],
    headers: &BTreeMap<String, String>,
    limit: Duration,
) -> Result<Asked> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the client's runtime could not be made")?;
    let asking = async {
        for ask in requests {
            let mut asked = JoinSet::new();
            for _ in 0..ask.at_once {
                let (address, ask) = (address.to_owned(), ask.clone());
                let headers = headers.clone();
                asked.spawn(async move { check(&address, &ask, &headers).await });
            }
            while let Some(checked) = asked.join_next().await {
                if let Err(error) = checked.map_err(Into::into).flatten() {
                    return Asked::Otherwise(format!("{} {}: {error:#}", ask.method, ask.path));
                }
            }
        }
        Asked::Well
    };
    let asked = runtime.block_on(async { tokio::time::timeout(limit, asking).await });
    Ok(asked.unwrap_or(Asked::TooLate))
}

/// Asks; an answer that is not what it had to be is an error.
async fn check(address: &str, ask: &Ask, headers: &BTreeMap<String, String>) -> Result<()> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the runtime, or when the server closes it.
    tokio::spawn(connection);
    let mut request = Request::builder()
        .method(ask.method.as_str())
        .uri(&ask.path)
        .header(HOST, address);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.body(Full::<Bytes>::from(ask.body.clone()))?;
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await?.to_bytes();
    let text = String::from_utf8_lossy(&body);
    let right = ask.answer.as_ref().is_none_or(|answer| *answer == text);
    ensure!(
        status == ask.status && right,
        "the answer is {status} {:?}",
        text.chars().take(200).collect::<String>()
    );
    Ok(())
}

/// A host that serves, until it is ended.
struct Server {
    child: Child,
    stderr: Option<Receiver<Kept>>,
}

impl Server {
    /// Starts it, and gives back its first line, if one comes within `limit`.
    fn start(command: Command, limit: Duration) -> Result<(Server, Option<String>)> {
        let mut child = child::spawn(command)?;
        let stdout = child.stdout.take();
        let stderr = child.stderr.take();
        let server = Server {
            child,
            stderr: Some(child::collect(stderr)),
        };
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let Some(stdout) = stdout else { return };
            let mut lines = BufReader::new(stdout);
            let mut line = String::new();
            if lines.read_line(&mut line).is_ok_and(|length| length > 0) {
                let _ = sender.send(line);
            }
            // What follows is the guest's, and must not fill the pipe.
            let _ = std::io::copy(&mut lines, &mut std::io::sink());
        });
        let end = Instant::now() + limit;
        let line = loop {
            match receiver.recv_timeout(PAUSE) {
                Ok(line) => break Some(line),
                Err(RecvTimeoutError::Disconnected) => break None,
                Err(RecvTimeoutError::Timeout) => {
                    interrupt::refuse()?;
                    if Instant::now() >= end {
                        break None;
                    }
                }
            }
        };
        Ok((server, line))
    }

    /// Ends it, and gives back what it complained of.
    fn end(mut self) -> String {
        let stderr = self.stderr.take();
        drop(self);
        let said = stderr.and_then(|said| said.recv_timeout(PAUSE * 20).ok());
        String::from_utf8_lossy(&said.unwrap_or_default().bytes).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        child::stop(self.child.id() as i32);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use wasip2_fixtures::{HttpServer, router};

    use super::*;

    fn asked(address: &str, path: &str, status: u16, answer: &str, limit: Duration) -> Asked {
        let ask = Ask {
            method: "GET".to_owned(),
            path: path.to_owned(),
            body: String::new(),
            status,
            answer: Some(answer.to_owned()),
            at_once: 2,
        };
        ask_all(address, &[ask], &BTreeMap::new(), limit).unwrap()
    }

    #[test]
    fn an_answer_is_compared_and_waited_for_so_long() {
        let server = HttpServer::start(router()).unwrap();
        let address = server.address().to_string();
        let long = Duration::from_secs(60);
        let greeting = |status, answer| asked(&address, "/hello", status, answer, long);
        assert!(matches!(greeting(200, "Hello, World!"), Asked::Well));
        for other in [greeting(200, "Goodbye"), greeting(404, "Hello, World!")] {
            let Asked::Otherwise(error) = other else {
                panic!("it was taken for right");
            };
            assert_eq!(error, "GET /hello: the answer is 200 \"Hello, World!\"");
        }
        let late = asked(
            &address,
            "/wait/60000/1",
            200,
            "",
            Duration::from_millis(50),
        );
        assert!(matches!(late, Asked::TooLate));
    }

    #[test]
    fn the_url_is_read() {
        assert_eq!(address("http://127.0.0.1:80/\n"), Some("127.0.0.1:80"));
        assert_eq!(address("listening"), None);
    }
}
