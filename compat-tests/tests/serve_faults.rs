//! Clients and handlers that do not do what they should, and a server that
//! stays up.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_linger;

use crate::server::{Answer, Body, End, Request, Server, native};
use crate::tool::{Tool, assert_says};

/// How long nothing has to come until a connection counts as open.
const PATIENCE: Duration = Duration::from_secs(1);

/// The same where the answers differed.
const PATIENCE_UNDER_LOAD: Duration = Duration::from_secs(10);

/// What a client does when it has sent all that it sends.
#[derive(Clone, Copy, Debug)]
enum Then {
    /// Reads what comes.
    Read,
    /// Says that it sends no more, and reads.
    Shut,
    /// Resets the connection.
    Reset,
}

/// Everything that a server answers to these bytes: the statuses, and how the
/// last one ended. A connection on which nothing comes for `patience` is open.
fn say(server: &Server, bytes: &[u8], then: Then, patience: Duration) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(patience)).unwrap();
    // The server may have closed the connection before it has read all.
    let _ = stream.write_all(bytes);
    match then {
        Then::Read => {}
        Then::Shut => stream.shutdown(Shutdown::Write).unwrap(),
        Then::Reset => {
            thread::sleep(Duration::from_millis(50));
            reset(stream);
            return "reset".to_owned();
        }
    }
    let mut reader = BufReader::new(&stream);
    let mut said = Vec::new();
    loop {
        match reader.fill_buf() {
            Ok([]) => said.push("closed".to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {
                said.push("closed".to_owned());
            }
            Err(_) => said.push("open".to_owned()),
            Ok(_) => {
                let answer = Answer::read(&mut reader, false);
                said.push(format!(
                    "{:?} {} {:?}",
                    answer.end,
                    answer.status,
                    answer.text()
                ));
                if answer.end == End::Whole {
                    continue;
                }
            }
        }
        return said.join(", ");
    }
}

/// Closes a connection so that the other side gets an error.
fn reset(stream: TcpStream) {
    set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
    drop(stream);
}

#[test]
fn bad_clients_are_told_what_a_native_server_tells_them() {
    let host = "host: example.test\r\n";
    let large = format!("GET / HTTP/1.1\r\n{host}x: {}\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("GET / HTTP/1.1\r\n{host}{}\r\n", "x: 1\r\n".repeat(200));
    let long = format!("GET /{} HTTP/1.1\r\n{host}\r\n", "x".repeat(1 << 17));
    let get = format!("GET / HTTP/1.1\r\n{host}\r\n");
    let pipeline = format!("{get}{get}GET /wait/20 HTTP/1.1\r\n{host}\r\n{get}");
    let post =
        |headers: &str, body: &str| format!("POST /sum HTTP/1.1\r\n{host}{headers}\r\n{body}");
    let cases: Vec<(&str, String, Then)> = vec![
        ("nothing", String::new(), Then::Shut),
        ("half a request line", "GET /he".into(), Then::Shut),
        (
            "half a head",
            format!("GET / HTTP/1.1\r\n{host}"),
            Then::Shut,
        ),
        (
            "half a head and a stall",
            format!("GET / HTTP/1.1\r\n{host}"),
            Then::Read,
        ),
        ("no HTTP", "hello\r\n\r\n".into(), Then::Read),
        (
            "a TLS greeting",
            "\x16\x03\x01\x02\x00\x01\x00\x01".into(),
            Then::Shut,
        ),
        (
            "HTTP/2",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(),
            Then::Read,
        ),
        ("HTTP/1.0", "GET / HTTP/1.0\r\n\r\n".into(), Then::Read),
        ("HTTP/3.0", "GET / HTTP/3.0\r\n\r\n".into(), Then::Read),
        ("no host", "GET / HTTP/1.1\r\n\r\n".into(), Then::Read),
        ("large headers", large, Then::Read),
        ("many headers", many, Then::Read),
        ("long target", long, Then::Read),
        (
            "a bad header",
            "GET / HTTP/1.1\r\nx y: 1\r\n\r\n".into(),
            Then::Read,
        ),
        (
            "a bad target",
            format!("GET /\x7f<> HTTP/1.1\r\n{host}\r\n"),
            Then::Read,
        ),
        (
            "length that is not a number",
            post("content-length: ten\r\n", "0123456789"),
            Then::Read,
        ),
        (
            "two lengths",
            post("content-length: 1\r\ncontent-length: 2\r\n", "01"),
            Then::Read,
        ),
        (
            "length and chunks",
            post(
                "content-length: 3\r\ntransfer-encoding: chunked\r\n",
                "1\r\nx\r\n0\r\n\r\n",
            ),
            Then::Read,
        ),
        (
            "length too large",
            post("content-length: 100\r\n", "0123456789"),
            Then::Shut,
        ),
        (
            "length too small",
            post("content-length: 5\r\n", "0123456789"),
            Then::Read,
        ),
        (
            "bad chunk",
            post("transfer-encoding: chunked\r\n", "zz\r\nx\r\n"),
            Then::Shut,
        ),
        (
            "half a chunk",
            post("transfer-encoding: chunked\r\n", "a\r\nhalf"),
            Then::Shut,
        ),
        (
            "unknown transfer coding",
            post("transfer-encoding: rot13\r\n", "x"),
            Then::Shut,
        ),
        (
            "half a body and a stall",
            post("content-length: 100\r\n", "0123456789"),
            Then::Read,
        ),
        ("pipeline", pipeline, Then::Read),
        ("reset in a head", "GET / HT".into(), Then::Reset),
        (
            "reset in a body",
            post("content-length: 100\r\n", "0123456789"),
            Then::Reset,
        ),
        (
            "reset in a response",
            format!("GET /stream/67108864/65536 HTTP/1.1\r\n{host}\r\n"),
            Then::Reset,
        ),
        (
            "reset while it waits",
            format!("GET /wait/300 HTTP/1.1\r\n{host}\r\n"),
            Then::Reset,
        ),
    ];
    let natively = Server::start(native("app"));
    let over_sockets = Tool::new("host")
        .args(["--network"])
        .arg(crate::server::component("app"));
    let over_sockets = Server::start(over_sockets.into_command());
    let mut handler = Server::serving("app", &["--max-instance-reuse-count", "10"]);
    let mut wrong = Vec::new();
    for (case, bytes, then) in &cases {
        // Latin-1, so that every byte can be written.
        let bytes: Vec<u8> = bytes.chars().map(|c| c as u32 as u8).collect();
        let mut native = say(&natively, &bytes, *then, PATIENCE);
        for (way, server) in [("over sockets", &over_sockets), ("as a handler", &handler)] {
            let mut component = say(server, &bytes, *then, PATIENCE);
            if component != native {
                // On a machine under load, one may only have been slower.
                native = say(&natively, &bytes, *then, PATIENCE_UNDER_LOAD);
                component = say(server, &bytes, *then, PATIENCE_UNDER_LOAD);
            }
            if component != native {
                wrong.push(format!(
                    "{case}, {way}\n  native:    {native}\n  component: {component}"
                ));
            }
            let after = server.ask(&Request::get("/"));
            assert_eq!(after.text(), "Hello, World!", "{way}, after {case}");
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), handler.said());
    assert_eq!(handler.interrupt(), Some(0));
    assert!(!handler.said().contains("trapped"), "{}", handler.said());
}

#[test]
fn a_handler_that_panics_is_a_500_and_a_backtrace() {
    for reuse in ["1", "10"] {
        let server = Server::serving("app", &["--max-instance-reuse-count", reuse]);
        assert_eq!(server.ask(&Request::get("/")).text(), "Hello, World!");
        let answer = server.ask(&Request::get("/panic"));
        assert_eq!((answer.status, answer.end), (500, End::Whole));
        let names = [
            "this handler was told to panic",
            "the guest trapped",
            "app::faults::panics",
            "faults.rs:",
        ];
        assert_says(&server.said(), &names);
        assert_eq!(server.ask(&Request::get("/")).text(), "Hello, World!");
    }
}

/// Whoever reads it knows that it is not whole.
#[test]
fn a_response_that_fails_half_way_is_broken_off() {
    let server = Server::serving("app", &[]);
    for path in ["/panic-late", "/fails-late"] {
        let answer = server.ask(&Request::get(path));
        assert_eq!((answer.status, answer.end), (200, End::BrokenOff), "{path}");
        assert_eq!(answer.text(), "a piece\na piece\n", "{path}");
    }
    assert_says(
        &server.said(),
        &["a response failed: the body that is being sent failed"],
    );
}

#[test]
fn a_handler_that_never_answers_is_given_up() {
    let server = Server::serving("app", &["--timeout", "1s"]);
    for path in ["/nearly-never", "/compute"] {
        let answer = server.ask(&Request::get(path));
        assert_eq!((answer.status, answer.end), (504, End::Whole), "{path}");
    }
    assert_says(&server.said(), &["given up after 1s (--timeout)"]);
    // What waits for nothing at all has not to be waited for: it would be a 504
    // otherwise.
    let answer = server.ask(&Request::get("/never"));
    assert_eq!((answer.status, answer.end), (500, End::Whole));
    let answer = server.ask(&Request::get("/stream/1000000000000/65536"));
    assert_eq!((answer.status, answer.end), (200, End::BrokenOff));
}

#[test]
fn what_the_host_does_not_take_is_a_500_that_says_why() {
    let server = Server::serving("app", &[]);
    let answer = server.ask(&Request::get("/large-header/200000"));
    assert_eq!((answer.status, answer.end), (500, End::Whole));
    assert_says(
        &server.said(),
        &["the headers take 2", "hosts allow 131072"],
    );
    let answer = server.ask(&Request::get("/header/proxy-authenticate/Basic"));
    assert_eq!((answer.status, answer.end), (500, End::Whole));
    assert_says(
        &server.said(),
        &["the header `proxy-authenticate` is not allowed"],
    );
}

#[test]
fn a_service_that_fails_is_a_500() {
    let server = Server::serving("plain", &[]);
    assert_eq!(server.ask(&Request::get("/")).text(), "Hello, World!");
    assert_eq!(server.ask(&Request::get("/nowhere")).status, 404);
    let answer = server.ask(&Request::get("/error"));
    assert_eq!((answer.status, answer.end), (500, End::Whole));
    assert_says(
        &server.said(),
        &["the service gave no response: this service was told to fail"],
    );
}

#[test]
fn tasks_outlive_their_response() {
    let reused = [
        "--max-instance-reuse-count",
        "10",
        "--idle-instance-timeout",
        "1m",
    ];
    let server = Server::serving("app", &reused);
    let started = Instant::now();
    let answer = server.ask(&Request::post("/later/3000", Body::None));
    assert_eq!(answer.text(), "later");
    assert!(
        started.elapsed() < Duration::from_millis(2500),
        "the response has waited"
    );
    thread::sleep(Duration::from_millis(3500));
    assert_says(&server.said(), &["a task ended after its response"]);
    assert_eq!(server.ask(&Request::get("/done")).text(), "1");

    // No longer than their time; then they go on with the next request.
    let mut server = Server::serving("plain", &reused);
    server.ask(&Request::get("/later"));
    thread::sleep(Duration::from_millis(400));
    assert_eq!(server.ask(&Request::get("/done")).text(), "0");
    thread::sleep(Duration::from_millis(600));
    server.ask(&Request::get("/done"));
    thread::sleep(Duration::from_millis(300));
    assert_eq!(server.ask(&Request::get("/done")).text(), "1");
    assert_eq!(server.interrupt(), Some(0));
}

#[test]
fn ctrl_c_lets_a_request_end() {
    let mut server = Server::serving("app", &[]);
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream
        .write_all(b"GET /wait/500 HTTP/1.1\r\nhost: a\r\n\r\n")
        .unwrap();
    thread::sleep(Duration::from_millis(200));
    assert_eq!(server.interrupt(), Some(0));
    let answer = Answer::read(&mut BufReader::new(&stream), false);
    assert_eq!(
        (answer.end, answer.text()),
        (End::Whole, "waited 500 ms".to_owned())
    );
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(rest.is_empty());
}

#[test]
fn what_cannot_serve_is_told() {
    let said = Tool::new("serve")
        .arg(crate::server::component("connections"))
        .run();
    let said = said.failed(1);
    assert_says(
        &said,
        &[
            "connections.wasm cannot serve",
            "does not export `wasi:http/incoming-handler`",
        ],
    );
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = Tool::new("serve")
        .args(["--addr", &address])
        .arg(crate::server::component("hello"))
        .run();
    assert_says(
        &said.failed(1),
        &[&address, "(--addr) cannot be listened on"],
    );
}

/// A handler has no right but those that are given, and the server says which
/// one was missing.
#[test]
fn a_handler_without_rights_is_told_which() {
    let mut server = Server::serving("proxy", &["--env", "UPSTREAM=http://127.0.0.1:9"]);
    assert_eq!(server.ask(&Request::get("/")).status, 502);
    assert_eq!(server.interrupt(), Some(0));
    assert_says(
        &server.said(),
        &["the guest was refused HTTP", "`--http` allows it"],
    );
}
