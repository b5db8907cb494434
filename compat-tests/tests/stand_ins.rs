//! What a guest meets instead of the real thing: `--http-allow`, `--http-map`,
//! `--hosts`, `--clock` and `--seed`.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use wasip2_fixtures::{HttpServer, router};

use crate::server::{self, Request, Server};
use crate::tool::{Ended, Tool, assert_says, component};

fn probe(flags: &[&str], arguments: &[&str]) -> Ended {
    Tool::new("host")
        .args(flags)
        .arg(component("run", "stand_ins", &[]))
        .args(arguments)
        .run()
}

#[test]
fn an_hour_passes_at_once_and_every_clock_says_so() {
    // Compiled before.
    probe(&[], &["sleep", "0"]).succeeded();
    for (pace, began) in [("fast", None), ("frozen", Some("began in 2025"))] {
        for mode in ["async", "sync"] {
            let started = Instant::now();
            let flags = ["--clock", pace, "--mode", mode, "--timeout", "60s"];
            let said = probe(&flags, &["sleep", "3600"]).succeeded();
            assert!(started.elapsed() < Duration::from_secs(30), "{pace} {mode}");
            assert_says(&said, &["10800 s by Instant", "10800 s by SystemTime"]);
            assert_says(&said, &[began.unwrap_or("began in")]);
        }
    }
    let said = probe(&["--clock", "100000x"], &["sleep", "3600"]).succeeded();
    assert_says(&said, &["s by Instant"]);
}

#[test]
fn nobody_is_late_because_time_is_fast() {
    for pace in ["fast", "frozen", "2x"] {
        let said = probe(&["--network", "--clock", pace], &["limits"]).succeeded();
        assert_eq!(said, "in time\n", "{pace}");
    }
}

#[test]
fn a_seed_gives_the_same_numbers_each_time() {
    let random = |flags: &[&str]| probe(flags, &["random"]).succeeded();
    let seven = random(&["--seed", "7"]);
    assert_eq!(seven, random(&["--seed", "7"]));
    assert_ne!(seven, random(&["--seed", "8"]));
    assert_ne!(random(&[]), random(&[]));
}

#[test]
fn requests_go_to_the_hosts_that_are_allowed() {
    let http = HttpServer::start(router()).unwrap();
    let url = format!("{}/wait/1/7", http.url());
    let host = http.url().trim_start_matches("http://").to_owned();
    let get = |flags: &[&str]| probe(flags, &["get", &url]);
    let given = "200 request 7 waited 1 ms\n";
    assert_eq!(get(&["--http-allow", &host]).succeeded(), given);
    let name = host.split(':').next().unwrap();
    assert_eq!(get(&["--http-allow", name]).succeeded(), given);

    let refused = get(&[
        "--http-allow",
        &format!("{name}:1"),
        "--http-allow",
        "*.test",
    ]);
    assert_says(&refused.stderr, &["`--http-allow HOST` allows it"]);
    assert_says(
        &refused.succeeded(),
        &["request true", "the host does not allow this request"],
    );
}

#[test]
fn a_host_that_is_mapped_is_a_mock() {
    let http = HttpServer::start(router()).unwrap();
    let map = format!("api.example.test={}/wait", http.url());
    let said = probe(
        &["--http-map", &map],
        &["get", "https://api.example.test/1/7"],
    );
    assert_eq!(said.succeeded(), "200 request 7 waited 1 ms\n");
    let other = probe(
        &["--http-map", &map],
        &["get", "https://other.example.test/"],
    );
    assert_says(
        &other.succeeded(),
        &["the host does not allow this request"],
    );

    // For a server as well, and where a name is another's address.
    let port = http.url().rsplit(':').next().unwrap().to_owned();
    let hosts = "--hosts=mock.test=127.0.0.1";
    let server = Server::serving("rights", &["--http-allow", "mock.test", hosts]);
    let target = format!("/get?of=http://mock.test:{port}/wait/1/7");
    assert_eq!(
        server.ask(&Request::get(target)).text(),
        "request 7 waited 1 ms"
    );
}

#[test]
fn names_stand_for_the_addresses_that_are_given() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let flags = ["--network", "--hosts", "db.test=127.0.0.1"];
    let operand = format!("DB.test:{port}");
    assert_eq!(
        probe(&flags, &["connect", &operand]).succeeded(),
        "connected\n"
    );
    let found = probe(&flags, &["names", "db.test:1"]).succeeded();
    assert_eq!(found, "127.0.0.1:1\n");
    let said = probe(&flags, &["names", "localhost:1"]).failed(1);
    assert_says(
        &said,
        &["the lookup of `localhost`", "`--name-lookup` allows it"],
    );
}

#[test]
fn hosts_without_them_say_so() {
    let guest = component("run", "stand_ins", &[]);
    let refused = |flags: &[&str]| {
        let ended = Tool::new("host").args(flags).arg(&guest).run();
        ended.failed(1)
    };
    for host in ["wasmtime", "jco"] {
        for (flag, value) in [
            ("--clock", "fast"),
            ("--seed", "1"),
            ("--hosts", "a=127.0.0.1"),
            ("--http-map", "a=http://b"),
            ("--http-allow", "a"),
        ] {
            let said = refused(&["--host", host, flag, value]);
            assert_says(&said, &[&format!("has no `{flag}`"), "--host builtin"]);
        }
    }
    let served = Tool::new("preinit")
        .args(["--clock", "fast"])
        .arg(server::component("hello"))
        .run();
    assert_says(&served.failed(1), &["`preinit` has no `--clock`"]);
}
