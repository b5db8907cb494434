//! Much of everything: large bodies through the proxy, and many requests, some
//! of them by clients that misbehave.

use std::fs;
use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::server::{Answer, Body, End, Request, Server, component, component_0_3, native};

/// A number that the environment may make larger than a short run has it.
fn number(variable: &str, fewer: u64) -> u64 {
    match std::env::var(variable) {
        Ok(number) => number.parse().expect("it is a number"),
        Err(_) => fewer,
    }
}

/// Reads until nothing comes; gives back how much that was.
fn drain(mut stream: impl Read) -> u64 {
    let mut buffer = vec![0; 256 * 1024];
    let mut total = 0;
    loop {
        match stream.read(&mut buffer).unwrap() {
            0 => return total,
            length => total += length as u64,
        }
    }
}

/// WASIP2_PROXY_BYTES=1073741824 sends 1 GiB.
#[test]
fn a_proxy_streams_both_ways_in_flat_memory() {
    let length = number("WASIP2_PROXY_BYTES", 64 << 20);
    let upstream = Server::start(native("app"));
    let flags = ["--http", "--env", &format!("UPSTREAM={}", upstream.url())];
    let proxy = Server::serving("proxy", &flags);
    assert_eq!(proxy.ask(&Request::get("/")).text(), "Hello, World!");
    let before = proxy.peak_memory();

    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    write!(
        stream,
        "GET /stream/{length}/100000 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let got = drain(stream);
    // The chunks have sizes of their own.
    assert!(
        (length..length + length / 50 + 1000).contains(&got),
        "{got} bytes came of {length}"
    );
    let up = proxy.ask(&Request::post("/sum", Body::Chunks(length, 100_000, &[])));
    assert!(up.text().starts_with(&format!("{length} bytes")), "{up:?}");

    let grown = proxy.peak_memory().saturating_sub(before);
    println!(
        "{length} bytes each way; the host grew by {} KiB",
        grown / 1024
    );
    assert!(grown < 24 << 20, "the host grew by {grown} bytes");
}

#[test]
fn a_proxy_passes_back_pressure_on() {
    // Upstream sends as much as it can, and reads nothing.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = format!("UPSTREAM=http://{}", listener.local_addr().unwrap());
    let sent = Arc::new(AtomicU64::new(0));
    thread::spawn({
        let sent = sent.clone();
        move || {
            for stream in listener.incoming() {
                let (mut stream, sent) = (stream.unwrap(), sent.clone());
                thread::spawn(move || {
                    let mut head = [0; 4];
                    stream.read_exact(&mut head).unwrap();
                    if &head != b"GET " {
                        thread::sleep(Duration::from_secs(600));
                        return;
                    }
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
                    while let Ok(length) = stream.write(&[0; 64 * 1024]) {
                        sent.fetch_add(length as u64, Ordering::Relaxed);
                    }
                });
            }
        }
    });
    let proxy = Server::serving("proxy", &["--http", "--env", &upstream]);

    let mut reader = TcpStream::connect(proxy.address()).unwrap();
    reader
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .unwrap();
    reader.read_exact(&mut [0; 100]).unwrap();
    thread::sleep(Duration::from_secs(2));
    let then = sent.load(Ordering::Relaxed);
    thread::sleep(Duration::from_secs(1));
    let now = sent.load(Ordering::Relaxed);
    assert_eq!(then, now, "upstream goes on though nobody reads");
    // What the system's buffers of three connections hold, at most.
    assert!(now < 64 << 20, "{now} bytes are on their way");

    let mut writer = TcpStream::connect(proxy.address()).unwrap();
    writer
        .write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000000000\r\n\r\n")
        .unwrap();
    writer
        .set_write_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    let mut taken = 0;
    while let Ok(length) = writer.write(&[0; 64 * 1024]) {
        taken += length;
        assert!(taken < 64 << 20, "the proxy takes all that comes");
    }
}

/// WASIP2_SOAK=100000 makes it that many requests.
#[test]
fn many_requests_some_of_them_bad_leave_nothing_behind() {
    let number = number("WASIP2_SOAK", 4_000);
    let flags = ["--max-instance-reuse-count", "500"];
    soak(&component("app"), &flags, number, 8);
}

/// The same in instances that have many at once, and end with the server alone.
/// WASIP2_SHARED_SOAK=1000000 makes it that many requests.
#[test]
fn many_requests_some_of_them_bad_leave_nothing_behind_in_shared_instances() {
    let number = number("WASIP2_SHARED_SOAK", 4_000);
    let flags = [
        "--max-instances=2",
        "--max-instance-reuse-count=1000000000",
        "--idle-instance-timeout=2s",
    ];
    let counted = soak(&component_0_3("app"), &flags, number, 24);
    let count = |name: &str| counted[name].as_u64().unwrap();
    assert!(count("instances") <= 2, "{counted}");
    assert!(count("at_once") > 4, "{counted}");
    // What wakes as many tasks as an instance may have at once.
    assert!(count("waitables") <= 4 * (16 + 2), "{counted}");
}

/// Has so many clients send `number` requests in all; gives back what the server
/// has counted.
fn soak(component: &Path, flags: &[&str], number: u64, clients: usize) -> serde_json::Value {
    let directory = tempfile::TempDir::new().unwrap();
    let statistics = directory.path().join("statistics.json");
    let counting = ["--statistics", statistics.to_str().unwrap()];
    let mut server = Server::serving_file(component, &[flags, &counting].concat());
    let wrong = AtomicUsize::new(0);
    let round = |from: u64, to: u64| {
        let next = AtomicU64::new(from);
        thread::scope(|scope| {
            for _ in 0..clients {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        if index >= to {
                            return;
                        }
                        let well = match index % 100 {
                            99 => misbehave(&server, index / 100),
                            _ => behave(&server, index),
                        };
                        if !well {
                            wrong.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
    };
    round(0, number / 2);
    let half = server.memory();
    round(number / 2, number);
    let whole = server.memory();
    assert_eq!(wrong.load(Ordering::Relaxed), 0, "{}", server.said());
    println!(
        "{number} requests; {} KiB after half of them, {} KiB after all",
        half / 1024,
        whole / 1024
    );
    assert!(
        whole < half + half / 5 + (8 << 20),
        "{half} bytes after half of the requests, {whole} after all"
    );

    // Those that have nothing to do end.
    thread::sleep(Duration::from_millis(4500));
    assert_eq!(server.interrupt(), Some(0));
    let counted: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(statistics).unwrap()).unwrap();
    println!("{counted}");
    assert_eq!(counted["traps"], 0, "{}", server.said());
    // Those that wasi-libc keeps for standard error, once it was written to.
    let resources = counted["resources"].as_u64().unwrap();
    assert!(
        resources <= 2,
        "{resources} resources are left after a request"
    );
    counted
}

/// A request whose answer is known.
fn behave(server: &Server, index: u64) -> bool {
    match index % 4 {
        0 => server.ask(&Request::get("/")).text() == "Hello, World!",
        1 => server.ask(&Request::get("/stream/100000/999")).body.len() == 100_000,
        2 => {
            let answer = server.ask(&Request::post("/echo", Body::Length(10_000)));
            answer.end == End::Whole && answer.body.len() == 10_000
        }
        _ => server.ask(&Request::get("/wait/2")).status == 200,
    }
}

/// A client that leaves in the middle of something; no answer is wrong.
fn misbehave(server: &Server, index: u64) -> bool {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let said: &[u8] = match index % 6 {
        0 => b"GET / HT",
        1 => b"POST /sum HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nhalf",
        2 => b"POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        3 => b"GET /stream/67108864/65536 HTTP/1.1\r\nhost: a\r\n\r\n",
        4 => b"GET /wait/50 HTTP/1.1\r\nhost: a\r\n\r\n",
        _ => b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    };
    let _ = stream.write_all(said);
    if index % 6 == 3 {
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        return Answer::read(&mut BufReader::new((&stream).take(10_000)), false).status == 200;
    }
    thread::sleep(Duration::from_millis(5));
    true
}
