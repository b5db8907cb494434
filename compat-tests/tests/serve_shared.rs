//! Handlers of WASI 0.3: many requests at once in one instance.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::server::{Answer, Request, Server, component, component_0_3};
use crate::tool::{self, Tool, assert_says, bring_wasmtime, repository_home};

/// All requests in one instance, whatever it has to do.
const ONE: [&str; 4] = [
    "--max-instances",
    "1",
    "--max-instance-reuse-count",
    "100000",
];

/// How long a request sleeps, and how many do at once.
const NAP: Duration = Duration::from_millis(200);
const NAPS: usize = 16;

/// The answers to requests that are sent at once, in the order of their paths,
/// and how long all of it took.
fn at_once(server: &Server, paths: &[String]) -> (Vec<Answer>, Duration) {
    let started = Instant::now();
    let answers = thread::scope(|scope| {
        let asked: Vec<_> = (paths.iter())
            .map(|path| scope.spawn(|| server.ask(&Request::get(path.as_str()))))
            .collect();
        asked
            .into_iter()
            .map(|asked| asked.join().unwrap())
            .collect()
    });
    (answers, started.elapsed())
}

fn naps() -> Vec<String> {
    vec![format!("/sleep/{}", NAP.as_millis()); NAPS]
}

/// The most requests that an instance had at once, by what these say.
fn most(answers: &[Answer]) -> usize {
    let number = |answer: &Answer| answer.text().split(' ').nth(2)?.parse().ok();
    answers.iter().filter_map(number).max().unwrap()
}

fn text(server: &Server, path: &str) -> String {
    server.ask(&Request::get(path)).text()
}

/// A server, and what it has counted at its end.
struct Counted {
    server: Server,
    directory: tempfile::TempDir,
}

impl Counted {
    fn serving(component: &Path, flags: &[&str]) -> Counted {
        let directory = tempfile::TempDir::new().unwrap();
        let file = directory.path().join("statistics");
        let counting = ["--statistics", file.to_str().unwrap()];
        Counted {
            server: Server::serving_file(component, &[flags, &counting].concat()),
            directory,
        }
    }

    fn statistics(mut self) -> Value {
        assert_eq!(self.server.interrupt(), Some(0), "{}", self.server.said());
        let file = self.directory.path().join("statistics");
        serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
    }
}

#[test]
fn requests_that_wait_take_as_long_as_one_of_them() {
    let counted = Counted::serving(&component_0_3("shared"), &ONE);
    let server = &counted.server;
    assert_eq!(text(server, "/"), "Hello, World!");
    let (answers, took) = at_once(server, &naps());
    for answer in &answers {
        assert_eq!(answer.status, 200, "{}", server.said());
    }
    assert!(took < NAP * NAPS as u32 / 2, "{took:?}");

    // As many as an instance may have, and the others wait.
    let (answers, _) = at_once(server, &[naps(), naps()].concat());
    assert_eq!(most(&answers), NAPS);

    thread::sleep(Duration::from_secs(3));
    let counted = counted.statistics();
    assert_eq!(counted["requests"], 1 + 3 * NAPS);
    assert_eq!(
        (&counted["instances"], &counted["traps"]),
        (&1.into(), &0.into())
    );
    assert_eq!(counted["at_once"], NAPS);
    assert_eq!(counted["an_instance"], 1 + 3 * NAPS);
    // Nothing of WASI 0.2 was waited for, and nothing is left but what wakes as
    // many tasks as there were at once.
    assert_eq!(
        (&counted["polls"], &counted["blocks"]),
        (&0.into(), &0.into())
    );
    assert_eq!(counted["resources"], 0);
    let left = counted["waitables"].as_u64().unwrap();
    assert!(left <= 4 * (NAPS as u64 + 2), "{left}");

    // One after the other they take 16 times as long.
    let serial = [&ONE[..], &["--max-instance-concurrent-reuse-count", "1"]].concat();
    let (answers, took) = at_once(
        &Server::serving_file(&component_0_3("shared"), &serial),
        &naps(),
    );
    assert!(took >= NAP * NAPS as u32, "{took:?}");
    assert_eq!(most(&answers), 1);
}

#[test]
fn requests_share_what_their_instance_keeps_and_wake_one_another() {
    let server = Server::serving_file(&component_0_3("shared"), &ONE);
    // A pool has its limit, and every request gets its turn.
    let (answers, _) = at_once(&server, &vec!["/pooled/50".to_owned(); NAPS]);
    let in_use = answers
        .iter()
        .map(|answer| answer.text().parse::<u32>().unwrap());
    assert_eq!(in_use.max(), Some(4), "{}", server.said());
    // What one waits for, another one gives.
    thread::scope(|scope| {
        let waits = scope.spawn(|| text(&server, "/wait"));
        thread::sleep(Duration::from_millis(300));
        assert!(!waits.is_finished());
        assert_eq!(text(&server, "/give"), "given");
        assert_eq!(waits.join().unwrap(), "it was given");
    });
}

#[test]
fn one_that_is_stuck_delays_no_other_and_its_time_is_limited() {
    let flags = [&ONE[..], &["--timeout", "2s"]].concat();
    let counted = Counted::serving(&component_0_3("shared"), &flags);
    let server = &counted.server;
    thread::scope(|scope| {
        let stuck = scope.spawn(|| server.ask(&Request::get("/never")).status);
        thread::sleep(Duration::from_millis(200));
        let (answers, took) = at_once(server, &naps()[..8]);
        assert!(answers.iter().all(|answer| answer.status == 200));
        assert!(took < Duration::from_millis(1500), "{took:?}");
        assert!(!stuck.is_finished());
        assert_eq!(stuck.join().unwrap(), 504);
    });
    assert_says(&server.said(), &["given up after 2s (--timeout)"]);
    // The next one has a new instance.
    assert_eq!(text(server, "/"), "Hello, World!");
    let counted = counted.statistics();
    assert_eq!(
        (&counted["instances"], &counted["time_limits"]),
        (&2.into(), &1.into())
    );
}

/// Though nothing wakes its body, and another request keeps the instance.
#[test]
fn a_response_that_stands_still_is_given_up_in_time() {
    let flags = [&ONE[..], &["--timeout", "2s"]].concat();
    let server = Server::serving_file(&component_0_3("shared"), &flags);
    let begun = Instant::now();
    let mut client = TcpStream::connect(server.address()).unwrap();
    client
        .write_all(b"GET /silent HTTP/1.1\r\nhost: a\r\n\r\n")
        .unwrap();
    thread::scope(|scope| {
        let kept = scope.spawn(|| {
            thread::sleep(Duration::from_millis(1500));
            server.ask(&Request::get("/sleep/1900")).status
        });
        let mut received = Vec::new();
        let _ = client.read_to_end(&mut received);
        let took = begun.elapsed();
        let received = String::from_utf8_lossy(&received);
        assert!(
            received.contains("first") && !received.ends_with("0\r\n\r\n"),
            "{received}"
        );
        assert!(took > Duration::from_millis(1900), "{took:?}");
        assert!(took < Duration::from_millis(3000), "{took:?}");
        assert_eq!(kept.join().unwrap(), 200);
    });
}

#[test]
fn what_blocks_is_right_and_a_deadlock_is_told() {
    let server = Server::serving_file(&component_0_3("shared"), &ONE);
    let paths: Vec<String> = ["/block/200", "/sleep/50", "/block/100", "/"]
        .map(str::to_owned)
        .to_vec();
    let (answers, took) = at_once(&server, &paths);
    let said: Vec<String> = answers.iter().map(Answer::text).collect();
    assert_eq!(
        (&*said[0], &*said[2], &*said[3]),
        ("blocked", "blocked", "Hello, World!")
    );
    assert!(said[1].starts_with("at most"), "{said:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    // Nothing could end that: it is no silent hang.
    assert_eq!(server.ask(&Request::get("/deadlock")).status, 500);
    assert_says(&server.said(), &["deadlock"]);
    assert_eq!(text(&server, "/"), "Hello, World!");
}

#[test]
fn a_trap_ends_the_requests_of_its_instance_and_an_error_only_its_own() {
    let server = Server::serving_file(&component_0_3("shared"), &ONE);
    thread::scope(|scope| {
        let sleeps = scope.spawn(|| server.ask(&Request::get("/sleep/5000")).status);
        thread::sleep(Duration::from_millis(300));
        assert_eq!(server.ask(&Request::get("/panic")).status, 500);
        assert_eq!(sleeps.join().unwrap(), 500);
    });
    assert_says(
        &server.said(),
        &["as it was told", "the 2 requests that this instance"],
    );
    assert_eq!(text(&server, "/"), "Hello, World!");

    let plain = Server::serving_file(&component_0_3("plain"), &ONE);
    let paths: Vec<String> = ["/", "/error", "/"].map(str::to_owned).to_vec();
    let (answers, _) = at_once(&plain, &paths);
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 500, 200]);
    assert_says(
        &plain.said(),
        &["the service gave no response: this service was told to fail"],
    );
}

/// With a standard library that unwinds, a panic is the affair of its request.
#[test]
fn a_panic_that_unwinds_is_status_500_for_its_own_request() {
    let unwinding = tool::component("serve", "shared", &["--wasi=0.3", "--panic=unwind"]);
    // An instance whose panics unwind takes two of the host's memories.
    let flags = ["--max-instances=2", "--max-instance-reuse-count=100000"];
    let counted = Counted::serving(&unwinding, &flags);
    let server = &counted.server;
    thread::scope(|scope| {
        let sleeps = scope.spawn(|| server.ask(&Request::get("/sleep/1000")).status);
        thread::sleep(Duration::from_millis(300));
        for _ in 0..3 {
            assert_eq!(server.ask(&Request::get("/panic")).status, 500);
        }
        assert_eq!(sleeps.join().unwrap(), 200);
    });
    assert_says(&server.said(), &["as it was told"]);
    assert_eq!(counted.statistics()["traps"], 0);
}

#[test]
fn tasks_outlive_their_response_for_a_while_and_go_on_with_the_next_request() {
    // They may go on for 200 ms, and need 600.
    let plain = Server::serving_file(&component_0_3("plain"), &ONE);
    assert_eq!(text(&plain, "/later"), "later");
    assert_eq!(text(&plain, "/done"), "0");
    let mut done = String::new();
    for _ in 0..50 {
        thread::sleep(Duration::from_millis(100));
        done = text(&plain, "/done");
        if done == "1" {
            break;
        }
    }
    assert_eq!(done, "1");
    // Without another request, their instance goes before they end.
    assert_eq!(text(&plain, "/later"), "later");
    thread::sleep(Duration::from_secs(3));
    assert_eq!(text(&plain, "/done"), "0");
}

#[test]
fn a_client_that_goes_away_is_noticed_though_nothing_is_sent() {
    let server = Server::serving_file(&component_0_3("shared"), &ONE);
    assert_eq!(text(&server, "/dropped"), "0");
    let mut stream = TcpStream::connect(server.address()).unwrap();
    write!(stream, "GET /silent HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    let mut read = Vec::new();
    while !read.ends_with(b"first\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        read.push(byte[0]);
    }
    assert_eq!(text(&server, "/dropped"), "0");
    drop(stream);
    let started = Instant::now();
    while text(&server, "/dropped") != "1" {
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "{}",
            server.said()
        );
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let serve = |component: &Path, flags: &[&str]| {
        let tool = Tool::new("serve")
            .args(["--addr", "127.0.0.1:0"])
            .args(flags);
        tool.arg(component).run().failed(1)
    };
    let said = serve(
        &component("plain"),
        &["--max-instance-concurrent-reuse-count", "2"],
    );
    assert_says(&said, &["for WASI 0.2", "one request at a time"]);
    let said = serve(&component_0_3("plain"), &["--clock", "fast"]);
    assert_says(
        &said,
        &["cannot serve", "for WASI 0.3", "leave `--clock` out"],
    );
}

/// The databases say how many connections there are; see the plan of the matrix.
#[test]
fn sixteen_requests_at_once_share_four_connections_to_a_database() {
    let out = repository_home().join("matrix/pools");
    let mut tool = Tool::new("matrix").arg("--out").arg(&out);
    for name in ["tokio-postgres", "redis"] {
        tool = tool.args(["--only", &format!("{name} in a handler/patched/wasi-0.3")]);
    }
    let shown = tool.run().succeeded();
    let results = std::fs::read_to_string(out.join("matrix.json")).unwrap();
    let results: Value = serde_json::from_str(&results).unwrap();
    let cells = results["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 2, "{shown}");
    for cell in cells {
        assert_eq!(cell["outcome"], "passes", "{cell:#}");
        assert_eq!(cell["counts"]["passed"], 34, "{cell:#}");
    }
}

#[test]
fn the_wasmtime_command_serves_them_too() {
    bring_wasmtime();
    let flags = ["--host", "wasmtime", "--max-instance-reuse-count", "1000"];
    let mut server = Server::serving_file(&component_0_3("shared"), &flags);
    assert_eq!(text(&server, "/"), "Hello, World!");
    let (answers, took) = at_once(&server, &naps());
    for answer in &answers {
        assert_eq!(answer.status, 200, "{}", server.said());
    }
    assert!(took < NAP * NAPS as u32 / 2, "{took:?}");
    // Some were in one instance.
    assert!(most(&answers) > 1);
    assert_eq!(text(&server, "/block/50"), "blocked");
    // The command is a process of its own.
    server.interrupt();
}
