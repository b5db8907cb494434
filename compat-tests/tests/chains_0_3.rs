//! Handlers of WASI 0.3 that are composed: each sends on to the next what it does
//! not answer itself, and all of it is one component.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::server::{Answer, End, Request, Server, component_0_3, pattern, sum};
use crate::tool::{Tool, assert_says, bring_wasmtime};

const TOKEN: (&str, &str) = ("authorization", "Bearer secret");

/// gate, which sends to shared-cache, which sends to app, in one component.
struct Chain {
    file: PathBuf,
    directory: TempDir,
}

fn compose(component: &Path, plugs: &[PathBuf], output: &Path) -> Tool {
    let mut tool = Tool::new("compose").arg(component);
    for plug in plugs {
        tool = tool.arg("--plug").arg(plug);
    }
    tool.arg("--output").arg(output)
}

impl Chain {
    fn new() -> Chain {
        let directory = TempDir::new().unwrap();
        let file = directory.path().join("chain.wasm");
        let plugs = ["shared-cache", "app"].map(component_0_3);
        let ended = compose(&component_0_3("gate"), &plugs, &file).run();
        let said = ended.stderr.clone();
        ended.succeeded();
        // What is sent is not its host's affair.
        assert!(!said.contains("wasi:http/client"), "{said}");
        Chain { file, directory }
    }

    /// All of it in one instance, as far as the host can be told.
    fn serve(&self, host: &str) -> Server {
        let one = ["--env", "TOKEN=secret", "--max-instance-reuse-count"];
        let one = [
            &one[..],
            &["100000", "--max-instance-concurrent-reuse-count", "128"],
        ]
        .concat();
        let statistics = self.statistics();
        let own = match host {
            "builtin" => vec!["--max-instances", "1", "--statistics", &statistics],
            host => vec!["--host", host],
        };
        Server::serving_file(&self.file, &[one, own].concat())
    }

    fn statistics(&self) -> String {
        let file = self.directory.path().join("statistics");
        file.display().to_string()
    }
}

fn get(target: impl Into<String>) -> Request {
    Request::get(target).header(TOKEN.0, TOKEN.1)
}

fn head(method: &str, target: &str, more: &str) -> Vec<u8> {
    let (name, value) = TOKEN;
    format!("{method} {target} HTTP/1.1\r\nhost: a.test\r\n{name}: {value}\r\n{more}\r\n").into()
}

/// Each of the three does its part.
fn answers(server: &Server) {
    assert_eq!(server.ask(&Request::get("/bytes/1000")).status, 401);
    let first = server.ask(&get("/bytes/1000"));
    assert_eq!((first.status, first.header("x-cache")), (200, Some("miss")));
    assert_eq!(first.body.len(), 1000);
    let timing = first.header("server-timing").unwrap();
    assert!(timing.starts_with("gate;dur="), "{timing}");
    let second = server.ask(&get("/bytes/1000"));
    assert_eq!(second.header("x-cache"), Some("hit"));
    assert_eq!(second.body, first.body);

    let large = server.ask(&get("/bytes/1000000"));
    assert_eq!((large.status, large.header("x-cache")), (200, None));
    assert_eq!(large.body.len(), 1_000_000);
    let reflected = server.ask(&get("/reflect").header("x-one", "1")).text();
    assert_says(&reflected, &["x-one: 1\n"]);
    assert_eq!(server.ask(&get("/status/404")).status, 404);
    let length = Request::new("HEAD", "/bytes/10").header(TOKEN.0, TOKEN.1);
    let length = server.ask(&length);
    assert_eq!((length.status, length.body.len()), (200, 0));
    // What breaks off is whole for nobody.
    assert_eq!(server.ask(&get("/fails-late")).end, End::BrokenOff);
}

/// 10 MiB go through all three and come back, and no more than 1 MiB is ever
/// sent that has not come back.
fn streams_both_ways_at_once(server: &Server) {
    const LENGTH: u64 = 10 << 20;
    const PIECE: u64 = 64 << 10;
    const AHEAD: u64 = 1 << 20;
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let length = format!("content-length: {LENGTH}\r\nconnection: close\r\n");
    stream.write_all(&head("POST", "/echo", &length)).unwrap();
    let received = Mutex::new(Vec::new());
    thread::scope(|scope| {
        let mut reader = stream.try_clone().unwrap();
        let received = &received;
        let got = || received.lock().unwrap().len() as u64;
        scope.spawn(move || {
            let mut piece = vec![0; 256 << 10];
            while let Ok(length @ 1..) = reader.read(&mut piece) {
                received.lock().unwrap().extend(&piece[..length]);
            }
        });
        let started = Instant::now();
        for sent in (0..LENGTH).step_by(PIECE as usize) {
            while sent > got() + AHEAD {
                assert!(started.elapsed() < Duration::from_secs(60), "{sent}");
                thread::sleep(Duration::from_millis(1));
            }
            stream.write_all(&pattern(sent, PIECE)).unwrap();
        }
    });
    let received = received.into_inner().unwrap();
    let answer = Answer::read(&mut &*received, false);
    assert_eq!((answer.status, answer.end), (200, End::Whole));
    assert_eq!(answer.body.len() as u64, LENGTH);
    assert_eq!(sum(&answer.body), sum(&pattern(0, LENGTH)));
}

/// A hundred that wait take little longer than one of them.
fn a_hundred_at_once(server: &Server) {
    let started = Instant::now();
    thread::scope(|scope| {
        let asked: Vec<_> = (0..100)
            .map(|index| scope.spawn(move || server.ask(&get(format!("/wait/{}", 400 + index)))))
            .collect();
        for (index, asked) in asked.into_iter().enumerate() {
            assert_eq!(
                asked.join().unwrap().text(),
                format!("waited {} ms", 400 + index)
            );
        }
    });
    let took = started.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
}

/// Neither the slowest of them nor the slowest client.
fn the_slowest_delays_nobody_else(server: &Server) {
    let mut slow = Vec::new();
    for target in ["/nearly-never", "/nearly-never", "/stream/100000000/65536"] {
        // Nobody reads what comes.
        let mut client = TcpStream::connect(server.address()).unwrap();
        client.write_all(&head("GET", target, "")).unwrap();
        slow.push(client);
    }
    thread::sleep(Duration::from_millis(300));
    let mut longest = Duration::ZERO;
    for index in 0..50 {
        let started = Instant::now();
        let answer = server.ask(&get(format!("/wait/1?{index}")));
        assert_eq!(answer.text(), "waited 1 ms");
        longest = longest.max(started.elapsed());
    }
    assert!(longest < Duration::from_secs(1), "{longest:?}");
    drop(slow);
}

#[test]
fn three_in_one_component_do_all_of_it_in_the_built_in_host() {
    let chain = Chain::new();
    let mut server = chain.serve("builtin");
    answers(&server);
    streams_both_ways_at_once(&server);
    a_hundred_at_once(&server);
    the_slowest_delays_nobody_else(&server);
    assert_eq!(server.interrupt(), Some(0), "{}", server.said());
    let counted = std::fs::read_to_string(chain.statistics()).unwrap();
    let counted: Value = serde_json::from_str(&counted).unwrap();
    assert_eq!(counted["instances"], 1, "{counted}");
    assert_eq!(counted["traps"], 0, "{counted}");
    // None of them waits as WASI 0.2 does.
    assert_eq!(counted["polls"], 0, "{counted}");
    assert!(counted["at_once"].as_u64().unwrap() >= 100, "{counted}");
}

#[test]
#[cfg_attr(
    not(has_wasmtime),
    ignore = "needs Python with pip, or `wasmtime` on PATH"
)]
fn three_in_one_component_do_all_of_it_in_wasmtime() {
    bring_wasmtime();
    let chain = Chain::new();
    let mut server = chain.serve("wasmtime");
    answers(&server);
    streams_both_ways_at_once(&server);
    a_hundred_at_once(&server);
    the_slowest_delays_nobody_else(&server);
    server.interrupt();
}

/// A caller that does not want the answer any more has it dropped on the other
/// side: no host does so for its clients, but a component does.
#[test]
fn a_call_that_is_cancelled_drops_what_answers_it() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("chain.wasm");
    let composed = compose(&component_0_3("gate"), &[component_0_3("shared")], &file);
    composed.run().succeeded();
    let server = Server::serving_file(&file, &["--env=TOKEN=secret", "--max-instances=1"]);
    let dropped = || server.ask(&get("/dropped")).text();
    assert_eq!(dropped(), "0");
    let stuck = get("/stuck").header("x-patience", "100");
    thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| assert_eq!(server.ask(&stuck).status, 504));
        }
        // Others go on meanwhile.
        assert_eq!(server.ask(&get("/")).text(), "Hello, World!");
    });
    let started = Instant::now();
    while dropped() != "5" {
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "{}",
            server.said()
        );
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(server.ask(&get("/pooled/10")).status, 200);
}

#[test]
fn a_handler_before_what_sends_to_it_is_told() {
    let directory = TempDir::new().unwrap();
    let output = directory.path().join("chain.wasm");
    let said = compose(&component_0_3("app"), &[component_0_3("gate")], &output);
    assert_says(
        &said.run().failed(1),
        &[
            "`wasi:http/handler@0.3.2` of gate.wasm would be skipped",
            "put them the other way round",
        ],
    );
    assert!(!output.exists());
}
