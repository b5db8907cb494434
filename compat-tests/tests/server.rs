//! Servers under test, and a client that shows what they send, byte by byte.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, BufWriter, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::tool::{self, Tool};

/// How long a server has for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that serves, until it is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
    stderr: PathBuf,
    _directory: tempfile::TempDir,
}

impl Server {
    /// Starts `command` and waits for it to say its URL.
    pub fn start(mut command: Command) -> Server {
        let directory = tempfile::TempDir::new().unwrap();
        let stderr = directory.path().join("stderr");
        // Something that no guest of a server may see.
        let stdin = directory.path().join("stdin");
        std::fs::write(&stdin, "this is not for guests").unwrap();
        let mut child = command
            .stdin(std::fs::File::open(&stdin).unwrap())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&stderr).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        // The rest is of no interest, and must not fill the pipe.
        thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        let address = line
            .trim_start_matches("http://")
            .trim_end()
            .trim_end_matches('/')
            .parse()
            .unwrap_or_else(|_| {
                panic!(
                    "no address: {line:?}\n{}",
                    std::fs::read_to_string(&stderr).unwrap()
                )
            });
        Server {
            child,
            address,
            stderr,
            _directory: directory,
        }
    }

    /// `cargo wasip2 serve` with these flags and this component.
    pub fn serving(component: &str, flags: &[&str]) -> Server {
        Server::serving_file(&self::component(component), flags)
    }

    /// The same with the component in this file.
    pub fn serving_file(component: &Path, flags: &[&str]) -> Server {
        let tool = Tool::new("serve")
            .args(["--addr", "127.0.0.1:0"])
            .args(flags)
            .arg(component);
        Server::start(tool.into_command())
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it wrote to standard error so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.stderr).unwrap()
    }

    /// How much memory it has, in bytes.
    pub fn memory(&self) -> u64 {
        self.counted("VmRSS:")
    }

    /// The most memory that it ever had, in bytes.
    pub fn peak_memory(&self) -> u64 {
        self.counted("VmHWM:")
    }

    fn counted(&self, what: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(what))
            .unwrap();
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        kibibytes * 1024
    }

    /// Ends it by Ctrl-C; gives back its exit code.
    pub fn interrupt(&mut self) -> Option<i32> {
        let process = Pid::from_child(&self.child);
        kill_process(process, Signal::INT).unwrap();
        self.child.wait().unwrap().code()
    }

    /// The number of the process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Waits for it to end by itself; gives back its exit code.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// Sends one request on a connection of its own.
    pub fn ask(&self, request: &Request) -> Answer {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let mut sender = stream.try_clone().unwrap();
        let bytes = request.clone();
        // A server may answer before it has read everything, and may want its
        // answer to be read before it reads on.
        let sending = thread::spawn(move || bytes.send(&mut sender).is_ok());
        let mut answer = Answer::read(&mut BufReader::new(&stream), request.method == "HEAD");
        if !matches!(request.body, Body::None) {
            // Whether hyper closes the connection after a request that was not
            // read to its end depends on how much has arrived by then.
            answer.headers.remove("connection");
        }
        let _ = stream.shutdown(Shutdown::Both);
        let _ = sending.join();
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The component of a server.
pub fn component(name: &str) -> PathBuf {
    tool::component("serve", name, &[])
}

/// The same, built for WASI 0.3.
pub fn component_0_3(name: &str) -> PathBuf {
    tool::component("serve", name, &["--wasi", "0.3"])
}

/// The server `name`, natively.
pub fn native(name: &str) -> Command {
    Command::new(tool::native("servers", name, name))
}

/// A body to send.
#[derive(Clone, Debug)]
pub enum Body {
    None,
    /// So many bytes, announced by `content-length`.
    Length(u64),
    /// So many bytes as chunks of so many, and these trailers.
    Chunks(u64, u64, &'static [(&'static str, &'static str)]),
    /// This text, announced by `content-length`.
    Text(&'static str),
}

/// A request to send.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: &'static str,
    pub target: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Body,
}

impl Request {
    pub fn new(method: &'static str, target: impl Into<String>) -> Request {
        Request {
            method,
            target: target.into(),
            headers: Vec::new(),
            body: Body::None,
        }
    }

    pub fn get(target: impl Into<String>) -> Request {
        Request::new("GET", target)
    }

    pub fn post(target: impl Into<String>, body: Body) -> Request {
        Request {
            body,
            ..Request::new("POST", target)
        }
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Request {
        self.headers.push((name, value.into()));
        self
    }

    /// Sends it in few large pieces, so that what is small arrives at once.
    fn send(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        let mut stream = BufWriter::with_capacity(64 * 1024, stream);
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self.headers.iter().any(|(name, _)| *name == "host") {
            head.push_str("host: example.test\r\n");
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        match self.body {
            Body::None => {}
            Body::Length(length) => head.push_str(&format!("content-length: {length}\r\n")),
            Body::Text(text) => head.push_str(&format!("content-length: {}\r\n", text.len())),
            Body::Chunks(..) => head.push_str("transfer-encoding: chunked\r\n"),
        }
        head.push_str("\r\n");
        // Bytes as they are: a header's value need not be UTF-8, and here one
        // is written as Latin-1.
        let head: Vec<u8> = head.chars().map(|c| c as u32 as u8).collect();
        stream.write_all(&head)?;
        match self.body {
            Body::None => {}
            Body::Text(text) => stream.write_all(text.as_bytes())?,
            Body::Length(length) => {
                let mut start = 0;
                while start < length {
                    let piece = (length - start).min(64 * 1024);
                    stream.write_all(&pattern(start, piece))?;
                    start += piece;
                }
            }
            Body::Chunks(length, chunk, trailers) => {
                let mut start = 0;
                while start < length {
                    let piece = (length - start).min(chunk);
                    write!(stream, "{piece:x}\r\n")?;
                    stream.write_all(&pattern(start, piece))?;
                    stream.write_all(b"\r\n")?;
                    start += piece;
                }
                stream.write_all(b"0\r\n")?;
                for (name, value) in trailers {
                    write!(stream, "{name}: {value}\r\n")?;
                }
                stream.write_all(b"\r\n")?;
            }
        }
        stream.flush()
    }
}

/// `length` bytes, as they follow on the first `start` of all.
pub fn pattern(start: u64, length: u64) -> Vec<u8> {
    (start..start + length)
        .map(|index| (index % 251) as u8)
        .collect()
}

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// 0 if there was no whole head.
    pub status: u16,
    /// By name, and in their order where names are the same.
    pub headers: BTreeMap<String, Vec<String>>,
    pub body: Vec<u8>,
    pub trailers: Vec<(String, String)>,
    /// How it ended.
    pub end: End,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// As its head says.
    #[default]
    Whole,
    /// Before that.
    BrokenOff,
    /// Not in time.
    Stalled,
}

impl Answer {
    /// Reads a response, to a request for the head alone if so.
    pub fn read(stream: &mut impl BufRead, head_only: bool) -> Answer {
        let mut answer = Answer::default();
        if let Err(error) = answer.read_all(stream, head_only) {
            answer.end = match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => End::Stalled,
                _ => End::BrokenOff,
            };
        }
        answer
    }

    fn read_all(&mut self, stream: &mut impl BufRead, head_only: bool) -> std::io::Result<()> {
        let status = line(stream)?;
        self.status = status
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .ok_or_else(|| std::io::Error::other(format!("no status line: {status:?}")))?;
        loop {
            let header = line(stream)?;
            let Some((name, value)) = header.split_once(':') else {
                break;
            };
            self.headers
                .entry(name.to_ascii_lowercase())
                .or_default()
                .push(value.trim().to_owned());
        }
        if matches!(self.status, 100..=199) {
            // Not the answer yet.
            *self = Answer::default();
            return self.read_all(stream, head_only);
        }
        if head_only || matches!(self.status, 204 | 304) {
            return Ok(());
        }
        if self.header("transfer-encoding").is_some() {
            loop {
                let size = line(stream)?;
                let size = u64::from_str_radix(&size, 16).map_err(std::io::Error::other)?;
                if size == 0 {
                    break;
                }
                self.take(stream, size)?;
                line(stream)?;
            }
            loop {
                let trailer = line(stream)?;
                let Some((name, value)) = trailer.split_once(':') else {
                    return Ok(());
                };
                self.trailers
                    .push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        match self.header("content-length").map(str::parse) {
            Some(Ok(length)) => self.take(stream, length),
            Some(Err(error)) => Err(std::io::Error::other(error)),
            None => stream.read_to_end(&mut self.body).map(|_| ()),
        }
    }

    fn take(&mut self, stream: &mut impl BufRead, length: u64) -> std::io::Result<()> {
        let got = stream.take(length).read_to_end(&mut self.body)?;
        match got as u64 == length {
            true => Ok(()),
            false => Err(ErrorKind::UnexpectedEof.into()),
        }
    }

    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.first().map(String::as_str)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// All of it in a few words, without what differs from one moment to the
    /// next.
    pub fn summary(&self) -> String {
        let mut text = format!("{:?} {}", self.end, self.status);
        for (name, values) in &self.headers {
            if name == "date" || name == "last-modified" {
                continue;
            }
            for value in values {
                let value = match value.len() {
                    0..=100 => value.clone(),
                    length => format!("{length} bytes"),
                };
                text.push_str(&format!(" | {name}: {value}"));
            }
        }
        let body = match self.body.len() {
            0..=400 => self.body.escape_ascii().to_string(),
            length => format!("{length} bytes, sum {:x}", sum(&self.body)),
        };
        text.push_str(&format!(" | {body}"));
        if !self.trailers.is_empty() {
            text.push_str(&format!(" | trailers {:?}", self.trailers));
        }
        text
    }
}

/// FNV-1a.
pub fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A line without its end; Latin-1, as HTTP has it.
fn line(stream: &mut impl BufRead) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    stream.read_until(b'\n', &mut bytes)?;
    if bytes.pop() != Some(b'\n') {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    Ok(bytes.into_iter().map(char::from).collect())
}
