//! HTTP, as a stranger speaks it: to the server, and to a guest that asks.
//!
//! The guest is `compat-tests/programs/servers/proxy`, a component: a request
//! goes through the host's server, wasi-hyper, axum, reqwest, wasi-hyper again
//! and the host's client, and its response all the way back.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use wasip2_ground::console::Verbosity;
use wasip2_ground::{Console, Home};
use wasip2_host::ServeArgs;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a client that could have asked for something waits for an answer
/// before it says that it asks for no more.
const PAUSE: Duration = Duration::from_millis(30);

/// The component of the proxy; `WASIP2_FUZZ_PROXY` names it otherwise.
pub static PROXY: OnceLock<PathBuf> = OnceLock::new();

/// A client sends `bytes` and no more. What it gets are whole responses, none of
/// which says that the guest has trapped; what is passed on is HTTP.
pub fn request(bytes: &[u8]) {
    let ends = Ends::get();
    ends.upstream
        .answers(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let got = ends.ask(bytes);
    no_trap(bytes, &got);
    for head in ends.upstream.asked() {
        let mut headers = [httparse::EMPTY_HEADER; 1000];
        let mut parsed = httparse::Request::new(&mut headers);
        assert!(
            parsed.parse(&head).is_ok(),
            "{:?} was passed on as {:?}",
            bytes.escape_ascii().to_string(),
            head.escape_ascii().to_string()
        );
    }
    ends.is_well();
}

/// A server answers with `bytes`. A client gets what it can read of them, or an
/// error.
pub fn response(bytes: &[u8]) {
    let ends = Ends::get();
    ends.upstream.answers(bytes);
    let got = ends.ask(b"GET /a HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n");
    // What upstream says is passed on.
    if !bytes.windows(3).any(|three| three == b"500") {
        no_trap(bytes, &got);
    }
    ends.is_well();
}

#[track_caller]
fn no_trap(bytes: &[u8], got: &[u8]) {
    let trapped = got.windows(13).any(|part| part == b"HTTP/1.1 500 ");
    assert!(
        !trapped,
        "{:?} is answered with {:?}",
        bytes.escape_ascii().to_string(),
        got.escape_ascii().to_string()
    );
}

/// The server with the guest, and the one that it passes requests on to.
struct Ends {
    server: SocketAddr,
    upstream: Upstream,
}

impl Ends {
    fn get() -> &'static Ends {
        static ENDS: OnceLock<Ends> = OnceLock::new();
        ENDS.get_or_init(|| {
            let upstream = Upstream::start();
            let server = serve(upstream.address);
            Ends { server, upstream }
        })
    }

    /// Sends `bytes`, and gives back all that comes.
    fn ask(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.server).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        // The server may have closed it by now.
        let _ = stream.write_all(bytes);
        let mut got = Vec::new();
        // Whoever says no more while an answer is on its way does not get it.
        let whole_head = |end: &[u8]| bytes.windows(end.len()).any(|part| part == end);
        if whole_head(b"\r\n\r\n") || whole_head(b"\n\n") {
            let mut piece = [0; 4096];
            let _ = stream.set_read_timeout(Some(PAUSE));
            while let Ok(read @ 1..) = stream.read(&mut piece) {
                got.extend_from_slice(&piece[..read]);
            }
        }
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.set_read_timeout(Some(PATIENCE));
        match stream.read_to_end(&mut got) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("{:?} is not answered", bytes.escape_ascii().to_string())
            }
            _ => got,
        }
    }

    /// Others are served as before.
    fn is_well(&self) {
        static ASKED: Mutex<u32> = Mutex::new(0);
        let mut asked = ASKED.lock().unwrap();
        *asked += 1;
        if *asked % 64 == 1 {
            self.upstream
                .answers(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nwell");
            let got = self.ask(b"GET / HTTP/1.0\r\n\r\n");
            assert!(got.ends_with(b"well"), "{}", got.escape_ascii());
            self.upstream.asked();
        }
    }
}

/// Serves the proxy on a thread of this process.
fn serve(upstream: SocketAddr) -> SocketAddr {
    #[derive(Parser)]
    #[command(no_binary_name = true)]
    struct Words {
        #[command(flatten)]
        serve: ServeArgs,
    }
    let proxy = std::env::var_os("WASIP2_FUZZ_PROXY").map(PathBuf::from);
    let proxy = proxy.or_else(|| PROXY.get().cloned());
    let proxy = proxy.expect("WASIP2_FUZZ_PROXY names the component of the proxy");
    // A free port.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let address = address.unwrap();
    let words = [
        "--http",
        "--max-instance-reuse-count=100",
        "--idle-instance-timeout=1h",
        &format!("--env=UPSTREAM=http://{upstream}"),
        &format!("--addr={address}"),
        proxy.to_str().expect("its path is UTF-8"),
    ];
    let arguments = Words::parse_from(words).serve;
    thread::spawn(move || {
        let console = Console::new(Verbosity::Quiet, None);
        let ended = wasip2_host::serve(&arguments, &Home::find().unwrap(), &console);
        panic!("the server has ended: {ended:?}");
    });
    // It compiles the component first.
    let started = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(started.elapsed() < Duration::from_secs(600));
        thread::sleep(Duration::from_millis(50));
    }
    address
}

/// A server that answers every connection with the same bytes.
struct Upstream {
    address: SocketAddr,
    answer: Mutex<Vec<u8>>,
    asked: Mutex<Vec<Vec<u8>>>,
}

impl Upstream {
    fn start() -> Upstream {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let _ = stream.map(|stream| thread::spawn(|| Ends::get().upstream.serve(stream)));
            }
        });
        Upstream {
            address,
            answer: Mutex::default(),
            asked: Mutex::default(),
        }
    }

    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut bytes = Vec::new();
        let end = loop {
            let mut piece = [0; 4096];
            let read = stream.read(&mut piece)?;
            bytes.extend_from_slice(&piece[..read]);
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if read == 0 {
                return Ok(());
            }
        };
        bytes.truncate(end);
        self.asked.lock().unwrap().push(bytes);
        let answer = self.answer.lock().unwrap().clone();
        stream.write_all(&answer)?;
        stream.shutdown(Shutdown::Write)?;
        // Whatever else comes must not reset what was said.
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
        Ok(())
    }

    fn answers(&self, bytes: &[u8]) {
        *self.answer.lock().unwrap() = bytes.to_vec();
    }

    /// The heads that came since this was asked.
    fn asked(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}
