//! What clients and guests of a server may use up, and that the others do not
//! notice when somebody wants more.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::server::{Request, Server};
use crate::tool::{Tool, assert_says, component};

/// A connection that has sent `bytes` and nothing else.
fn connected(server: &Server, bytes: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    stream
}

const HALF_A_HEAD: &str = "GET / HTTP/1.1\r\nhost: a\r\nx-slow: ";
const HALF_A_BODY: &str = "POST /sum HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n0123456789";

/// Reads to the end of the connection; a reset is one, too.
fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the connection stays open: {error}"),
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Asks for what a healthy client wants, which does not take long.
fn healthy(server: &Server) {
    let started = Instant::now();
    assert_eq!(server.ask(&Request::get("/")).text(), "Hello, World!");
    let took = started.elapsed();
    assert!(took < Duration::from_secs(10), "it took {took:?}");
}

fn slow_clients(mut server: Server, statistics: &Path) -> u64 {
    assert_eq!(server.interrupt(), Some(0), "{}", server.said());
    let counted: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(statistics).unwrap()).unwrap();
    counted["slow_clients"].as_u64().unwrap()
}

#[test]
fn who_waits_for_an_instance_gets_one_that_became_idle() {
    let flags = [
        ["--max-instances", "4"],
        ["--max-instance-reuse-count", "1000000"],
        ["--idle-instance-timeout", "1h"],
    ];
    let server = Server::serving("app", flags.as_flattened());
    // Three rounds for each instance.
    thread::scope(|scope| {
        let asked: Vec<_> = (0..12)
            .map(|_| scope.spawn(|| server.ask(&Request::get("/wait/100")).text()))
            .collect();
        for asked in asked {
            assert_eq!(asked.join().unwrap(), "waited 100 ms");
        }
    });
}

#[test]
fn a_client_has_its_time_for_a_head_and_for_each_piece_of_a_body() {
    let directory = tempfile::TempDir::new().unwrap();
    let statistics = directory.path().join("statistics.json");
    let flags = [
        ["--header-timeout", "500ms"],
        ["--stall-timeout", "500ms"],
        ["--statistics", statistics.to_str().unwrap()],
    ];
    let server = Server::serving("app", flags.as_flattened());
    let slow = [
        connected(&server, ""),
        connected(&server, HALF_A_HEAD),
        connected(&server, HALF_A_BODY),
    ];
    for stream in slow {
        let answer = rest(stream);
        assert!(!answer.contains("200 OK"), "{answer}");
    }
    // It reads nothing of what it asked for.
    let unread = connected(
        &server,
        "GET /stream/1000000000/65536 HTTP/1.1\r\nhost: a\r\n\r\n",
    );
    thread::sleep(Duration::from_millis(2500));
    let read = rest(unread).len();
    assert!(read < 100_000_000, "{read} bytes were sent");

    // Time that the guest takes is not the client's.
    let answer = server.ask(&Request::get("/wait/1500"));
    assert_eq!(answer.text(), "waited 1500 ms");
    assert_eq!(slow_clients(server, &statistics), 4);
}

#[test]
fn slow_clients_make_room_for_others() {
    let directory = tempfile::TempDir::new().unwrap();
    let statistics = directory.path().join("statistics.json");
    let flags = [
        ["--max-connections", "8"],
        ["--max-instances", "4"],
        ["--statistics", statistics.to_str().unwrap()],
    ];
    let server = Server::serving("app", flags.as_flattened());
    healthy(&server);

    // More heads than there may be connections.
    let mut heads: Vec<_> = (0..12).map(|_| connected(&server, HALF_A_HEAD)).collect();
    healthy(&server);
    // Those went that had waited the longest; one that is not among them is
    // served when its head is whole.
    for first in heads.drain(..4) {
        assert_eq!(rest(first), "");
    }
    let mut last = heads.pop().unwrap();
    last.write_all(b"no\r\nconnection: close\r\n\r\n").unwrap();
    assert!(rest(last).contains("Hello, World!"));
    drop(heads);

    // Bodies that keep every instance waiting, one of them never for long.
    let bodies: Vec<_> = (0..3).map(|_| connected(&server, HALF_A_BODY)).collect();
    let mut drips = connected(&server, HALF_A_BODY);
    let dripping = thread::spawn(move || {
        while drips.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(300));
        }
    });
    thread::sleep(Duration::from_millis(300));
    for _ in 0..5 {
        healthy(&server);
    }
    drop(bodies);
    dripping.join().unwrap();
    assert!(slow_clients(server, &statistics) >= 6);
}

#[test]
fn a_file_that_does_not_answer_keeps_nobody_else_waiting() {
    let directory = tempfile::TempDir::new().unwrap();
    fs::write(directory.path().join("note"), "read me\n").unwrap();
    let made = Command::new("mkfifo")
        .arg(directory.path().join("pipe"))
        .status();
    assert!(made.unwrap().success());
    let mapped = format!("{}::/files", directory.path().display());
    let server = Server::serving("files", &["--dir", &mapped]);
    // More than the host has threads for its events.
    let waiting: Vec<_> = (0..16)
        .map(|_| connected(&server, "GET /pipe HTTP/1.1\r\nhost: a\r\n\r\n"))
        .collect();
    thread::sleep(Duration::from_millis(500));
    let answer = server.ask(&Request::get("/note"));
    assert_eq!(answer.text(), "read me\n");
    drop(waiting);
}

/// There is no time limit that would end them.
#[test]
fn guests_that_compute_keep_nobody_else_waiting() {
    let server = Server::serving("app", &[]);
    let computing: Vec<_> = (0..16)
        .map(|_| connected(&server, "GET /compute HTTP/1.1\r\nhost: a\r\n\r\n"))
        .collect();
    thread::sleep(Duration::from_millis(500));
    healthy(&server);
    drop(computing);
}

#[test]
fn memory_has_a_limit() {
    let mut server = Server::serving("app", &["--max-memory", "16"]);
    healthy(&server);
    assert_eq!(server.ask(&Request::get("/allocate/4")).status, 200);
    assert_eq!(server.ask(&Request::get("/allocate/64")).status, 500);
    healthy(&server);
    assert_eq!(server.interrupt(), Some(0));
    assert_says(
        &server.said(),
        &["memory beyond 16 MiB", "`--max-memory` allows it"],
    );
}

/// What a host has nothing for is not silently left out.
#[test]
fn other_hosts_refuse_limits_that_they_do_not_have() {
    for (host, flag, value) in [
        ("jco", "--max-memory", "16"),
        ("jco", "--stall-timeout", "1s"),
    ] {
        let said = Tool::new("serve")
            .args(["--host", host, flag, value])
            .arg(crate::server::component("hello"))
            .run()
            .failed(1);
        assert_says(&said, &[host, flag]);
    }
}

/// WASIP2_SLOW_CLIENTS is another number of them, such as 10000; then a healthy
/// one is to be answered within a second, which wants a build with optimisation,
/// of the host and of the guest.
#[test]
fn many_slow_clients_keep_no_other_waiting() {
    let told = std::env::var("WASIP2_SLOW_CLIENTS").ok();
    let number = (told.as_ref()).map_or(400, |number| number.parse().expect("it is a number"));
    // This process has as many connections as the server.
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let limit = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, limit).unwrap();
    let release: &[&str] = if told.is_some() { &["--release"] } else { &[] };
    let server = Server::serving_file(&component("serve", "app", release), &[]);
    healthy(&server);
    let ways = [
        "",
        HALF_A_HEAD,
        HALF_A_BODY,
        "GET /stream/1000000000/65536 HTTP/1.1\r\nhost: a\r\n\r\n",
    ];
    let over = AtomicBool::new(false);
    let (asked, longest) = thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let (mut asked, mut longest) = (0, Duration::ZERO);
            while !over.load(Ordering::Relaxed) {
                let started = Instant::now();
                healthy(&server);
                longest = longest.max(started.elapsed());
                asked += 1;
                thread::sleep(Duration::from_millis(20));
            }
            (asked, longest)
        });
        let mut slow: Vec<TcpStream> = (0..number)
            .map(|at| connected(&server, ways[at % ways.len()]))
            .collect();
        // A byte now and then, for those of which one is missing.
        for _ in 0..8 {
            thread::sleep(Duration::from_millis(500));
            for stream in slow.iter_mut().skip(1).step_by(4) {
                let _ = stream.write_all(b"x");
            }
        }
        over.store(true, Ordering::Relaxed);
        asking.join().unwrap()
    });
    println!("{number} slow clients; the healthy one asked {asked} times, {longest:?} at most");
    assert!(asked > 0);
    if told.is_some() {
        assert!(longest < Duration::from_secs(1), "{longest:?}");
    }
}
