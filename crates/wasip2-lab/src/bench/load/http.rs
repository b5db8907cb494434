//! Clients of an HTTP/1.1 server.
//!
//! They send the bytes of one request over and over and let hyper's parser,
//! httparse, read the answers' heads. A whole HTTP client would cost as much
//! as the server, and it is the server that is measured.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::clients::{all, in_time, run};
use super::recorder::{Load, Recorder};

/// How much is read at once.
const BUFFER: usize = 64 << 10;

/// What is asked.
#[derive(Debug)]
pub struct Ask<'a> {
    pub path: &'a str,
    /// How long the answer's body is.
    pub bytes: usize,
    /// Whether as many bytes are sent for that.
    pub post: bool,
    /// More headers.
    pub headers: &'a [String],
}

impl<'a> Ask<'a> {
    /// What is at `path`, which has so many bytes.
    pub fn get(path: &'a str, bytes: usize) -> Ask<'a> {
        Ask {
            path,
            bytes,
            post: false,
            headers: &[],
        }
    }

    /// The bytes of the request.
    fn request(&self) -> String {
        let (method, body) = match self.post {
            true => ("POST", "x".repeat(self.bytes)),
            false => ("GET", String::new()),
        };
        let mut request = format!("{method} {} HTTP/1.1\r\nhost: bench\r\n", self.path);
        if self.post {
            request.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        for header in self.headers {
            request.push_str(&format!("{header}\r\n"));
        }
        request + "\r\n" + &body
    }
}

/// Has `clients` ask for the same, each on a connection that it keeps.
pub fn measure(address: SocketAddr, ask: &Ask, clients: usize, seconds: f64) -> Result<(Load, ())> {
    let bytes = ask.bytes;
    let request: Rc<[u8]> = ask.request().into_bytes().into();
    run(async {
        let mut connections = Vec::new();
        for _ in 0..clients {
            let stream = in_time("a connection", TcpStream::connect(address)).await?;
            stream.set_nodelay(true)?;
            connections.push(stream);
        }
        let recorder = Rc::new(RefCell::new(Recorder::new(seconds)));
        let mut tasks = JoinSet::new();
        for mut stream in connections {
            let (recorder, request) = (recorder.clone(), request.clone());
            tasks.spawn_local(async move {
                let mut buffer = vec![0; BUFFER];
                while recorder.borrow().goes_on() {
                    let begun = Instant::now();
                    stream.write_all(&request).await?;
                    let got = answer(&mut stream, &mut buffer).await?;
                    ensure!(got == bytes, "a body of {got} bytes came, not of {bytes}");
                    recorder.borrow_mut().record(begun);
                }
                Ok::<_, anyhow::Error>(())
            });
        }
        all(tasks, seconds).await?;
        Ok((recorder.borrow().finish(), ()))
    })
}

/// Reads one answer; gives back the length of its body.
async fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<usize> {
    let mut filled = 0;
    let (head, body) = loop {
        let length = stream.read(&mut buffer[filled..]).await?;
        if length == 0 {
            bail!("the connection ended before an answer's head did");
        }
        filled += length;
        if let Some(lengths) = lengths(&buffer[..filled])? {
            break lengths;
        }
    };
    let mut got = filled - head;
    while got < body {
        let length = stream.read(buffer).await?;
        if length == 0 {
            bail!("the connection ended before an answer's body did");
        }
        got += length;
    }
    Ok(got)
}

/// The lengths of an answer's head and body, once the head is there.
fn lengths(bytes: &[u8]) -> Result<Option<(usize, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let head = match response.parse(bytes)? {
        httparse::Status::Partial => return Ok(None),
        httparse::Status::Complete(head) => head,
    };
    ensure!(
        response.code == Some(200),
        "the answer's status is {}",
        response.code.unwrap_or_default()
    );
    let length = response
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
        .and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok())
        .context("the answer has no Content-Length")?;
    Ok(Some((head, length)))
}

/// Ends the server.
pub fn quit(address: SocketAddr) -> Result<()> {
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.write_all(Ask::get("/quit", 0).request().as_bytes())?;
    // Nothing comes but the connection's end.
    let _ = stream.read(&mut [0]);
    Ok(())
}
