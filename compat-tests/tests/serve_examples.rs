//! The example servers.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use wasip2_fixtures::{HttpServer, router};

use crate::http_client::packages;
use crate::server::{Body, Request, Server, component, component_0_3};
use crate::tool::Tool;

/// One instance for everything.
const REUSED: [&str; 4] = [
    "--max-instance-reuse-count",
    "1000",
    "--idle-instance-timeout",
    "1m",
];

#[test]
fn an_api_keeps_its_state_as_long_as_its_instance() {
    keeps_its_state(&component("api"));
    keeps_its_state(&component_0_3("api"));
}

fn keeps_its_state(api: &Path) {
    let json =
        |text| Request::post("/notes", Body::Text(text)).header("content-type", "application/json");
    let server = Server::serving_file(api, &REUSED);
    let made = server.ask(&json(r#"{"text":"one"}"#));
    assert_eq!((made.status, made.text()), (201, "1".to_owned()));
    assert_eq!(server.ask(&json(r#"{"text":"two"}"#)).text(), "2");
    assert_eq!(
        server.ask(&Request::get("/notes")).text(),
        r#"{"1":{"text":"one"},"2":{"text":"two"}}"#
    );
    assert_eq!(server.ask(&Request::new("DELETE", "/notes/1")).status, 204);
    assert_eq!(server.ask(&Request::get("/notes/1")).status, 404);
    assert_eq!(
        server.ask(&Request::get("/notes/2")).text(),
        r#"{"text":"two"}"#
    );

    let fresh = Server::serving_file(api, &["--max-instance-reuse-count", "1"]);
    fresh.ask(&json(r#"{"text":"one"}"#));
    assert_eq!(fresh.ask(&Request::get("/notes")).text(), "{}");
}

#[test]
fn events_arrive_when_they_happen_and_end_with_their_client() {
    arrive_and_end(&component("events"));
    arrive_and_end(&component_0_3("events"));
}

fn arrive_and_end(events: &Path) {
    let server = Server::serving_file(events, &REUSED);
    let ask = |path: &str| {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        BufReader::new(stream)
    };
    // The instance is made, and the rest is not about that.
    ask("/ended").fill_buf().unwrap();

    let started = Instant::now();
    let mut stream = ask("/3/200");
    let mut line = String::new();
    while line != "data: tick\n" {
        line.clear();
        stream.read_line(&mut line).unwrap();
    }
    let first = started.elapsed();
    assert!(
        first < Duration::from_millis(390),
        "the first event came after {first:?}"
    );
    drop(stream);
    let whole = server.ask(&Request::get("/3/20"));
    assert_eq!(whole.header("content-type"), Some("text/event-stream"));
    assert_eq!(
        whole.text(),
        "id: 0\ndata: tick\n\nid: 1\ndata: tick\n\nid: 2\ndata: tick\n\n"
    );

    thread::sleep(Duration::from_millis(500));
    let before: u64 = server.ask(&Request::get("/ended")).text().parse().unwrap();
    let mut endless = ask("/1000000/10");
    endless.read_line(&mut line).unwrap();
    drop(endless);
    // It is noticed when the next event is sent; the instance is free then.
    thread::sleep(Duration::from_millis(500));
    let after: u64 = server.ask(&Request::get("/ended")).text().parse().unwrap();
    assert_eq!(after, before + 1, "{}", server.said());
}

#[test]
fn files_are_served_from_a_directory_and_no_other() {
    let directory = tempfile::TempDir::new().unwrap();
    fs::write(directory.path().join("page.html"), "<p>A page</p>").unwrap();
    fs::create_dir(directory.path().join("inner")).unwrap();
    fs::write(directory.path().join("inner/index.html"), "<p>Inside</p>").unwrap();
    let mapped = format!("{}::/files", directory.path().display());
    for files in [component("files"), component_0_3("files")] {
        are_served(&Server::serving_file(&files, &["--dir", &mapped]));
    }
}

fn are_served(server: &Server) {
    let page = server.ask(&Request::get("/page.html"));
    assert_eq!(
        (page.status, page.text()),
        (200, "<p>A page</p>".to_owned())
    );
    assert_eq!(page.header("content-type"), Some("text/html"));
    assert_eq!(server.ask(&Request::get("/inner/")).text(), "<p>Inside</p>");
    assert_eq!(server.ask(&Request::get("/nothing")).status, 404);
    assert_eq!(server.ask(&Request::get("/../../etc/passwd")).status, 404);
    let known = page.header("last-modified").unwrap().to_owned();
    let again = Request::get("/page.html").header("if-modified-since", known);
    assert_eq!(server.ask(&again).status, 304);
}

/// It sends over sockets, where a handler of 0.2 sends through the host.
#[test]
fn a_proxy_of_wasi_0_3_has_many_requests_upstream_at_once() {
    let upstream = HttpServer::start(router()).unwrap();
    let flags = [
        "--network",
        "--name-lookup",
        "--max-instances",
        "1",
        "--env",
    ];
    let upstream = format!("UPSTREAM={}", upstream.url());
    let server = Server::serving_file(
        &component_0_3("proxy"),
        &[&flags[..], &[&*upstream]].concat(),
    );
    assert_eq!(server.ask(&Request::get("/wait/1/7")).status, 200);
    let started = Instant::now();
    thread::scope(|scope| {
        for number in 0..16 {
            let server = &server;
            scope.spawn(move || {
                let answer = server.ask(&Request::get(format!("/wait/300/{number}")));
                let text = format!("request {number} waited 300 ms");
                assert_eq!(
                    (answer.status, answer.text()),
                    (200, text),
                    "{}",
                    server.said()
                );
            });
        }
    });
    // One after the other they take nearly five seconds.
    let took = started.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn what_one_says_in_the_chat_all_hear() {
    for chat in [component("chat"), component_0_3("chat")] {
        all_hear(&chat);
    }
}

fn all_hear(chat: &Path) {
    let tool = Tool::new("host").arg("--network").arg(chat);
    let server = Server::start(tool.into_command());
    let mut clients: Vec<Websocket> = (0..3).map(|_| Websocket::open(&server)).collect();
    // Everyone is in the room when everyone has heard of oneself.
    for (index, text) in ["one", "two", "three"].into_iter().enumerate() {
        clients[index].say(text);
        for client in &mut clients {
            assert_eq!(client.hear(), text);
        }
    }
    drop(clients.pop());
    clients[0].say("still here");
    assert_eq!(clients[1].hear(), "still here");
}

/// As a handler on WASI 0.3: each client has two requests in one instance.
#[test]
fn what_one_says_in_the_chat_of_an_instance_all_of_it_hear() {
    let flags = [
        "--max-instances=1",
        "--max-instance-reuse-count=1000",
        "--max-instance-concurrent-reuse-count=100",
    ];
    let server = Server::serving_file(&component_0_3("chat"), &flags);
    let mut hearers: Vec<_> = (0..20)
        .map(|_| {
            let mut stream = TcpStream::connect(server.address()).unwrap();
            let patience = Some(Duration::from_secs(20));
            stream.set_read_timeout(patience).unwrap();
            let request = b"GET /hear HTTP/1.1\r\nhost: a\r\n\r\n";
            stream.write_all(request).unwrap();
            let mut hearer = BufReader::new(stream);
            // It is in the room when it has been told of itself.
            until(&mut hearer, "event: hearers");
            hearer
        })
        .collect();
    for text in ["hello", "is anybody there?"] {
        let said = server.ask(&Request::post("/say", Body::Text(text)));
        assert_eq!(said.status, 200);
        for hearer in &mut hearers {
            until(hearer, &format!("data: {text}"));
        }
    }
}

/// Reads until that line has come.
fn until(reader: &mut impl BufRead, line: &str) {
    let mut read = String::new();
    while read.trim_end() != line {
        read.clear();
        assert_ne!(
            reader.read_line(&mut read).unwrap(),
            0,
            "{line} did not come"
        );
    }
}

/// A websocket, as far as short texts need it (RFC 6455).
struct Websocket(BufReader<TcpStream>);

impl Websocket {
    fn open(server: &Server) -> Websocket {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        // The key, and what is made of it, are the example of section 1.3.
        stream
            .write_all(
                b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                  sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            )
            .unwrap();
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(reader.read_line(&mut head).unwrap(), 0, "{head}");
        }
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        Websocket(reader)
    }

    fn say(&mut self, text: &str) {
        // A whole text message, masked by zeros.
        let mut frame = vec![0x81, 0x80 | text.len() as u8, 0, 0, 0, 0];
        frame.extend_from_slice(text.as_bytes());
        self.0.get_mut().write_all(&frame).unwrap();
    }

    fn hear(&mut self) -> String {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).unwrap();
        assert_eq!(head[0], 0x81, "no text message");
        let mut text = vec![0; head[1].into()];
        self.0.read_exact(&mut text).unwrap();
        String::from_utf8(text).unwrap()
    }
}

/// A handler without a `main` of its own over sockets uses none, and a host
/// that has only wasi:http can run it.
#[test]
fn a_handler_imports_no_sockets() {
    let imports = packages(&component("hello"));
    assert!(imports.contains("wasi:http"), "{imports:?}");
    assert!(!imports.contains("wasi:sockets"), "{imports:?}");
}
