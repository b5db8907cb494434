//! `cargo wasip2 host` and `run`: rights, exit codes, traps, time limits.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use wasip2_fixtures::{HttpServer, router};

use crate::tool::{Ended, Tool, assert_says, component};

/// Runs a probe with exactly these flags of the host.
fn probe(name: &str, flags: &[&str], arguments: &[&str]) -> Ended {
    // `run` would give it every right.
    Tool::new("host")
        .args(flags)
        .arg(component("run", name, &[]))
        .args(arguments)
        .run()
}

/// WASI 0.2's `wasi:cli/exit` says success or failure, no number, and both
/// wasi-libc variants call nothing else: `exit(7)` reaches any host as failure.
#[test]
fn success_and_failure_are_passed_on() {
    assert_eq!(probe("end", &[], &["well"]).succeeded(), "ended: well\n");
    probe("end", &[], &["seven"]).failed(1);
    let run = Tool::new("run")
        .args(["--example", "end", "--", "seven"])
        .run();
    run.failed(1);
}

#[test]
fn a_trap_shows_where_it_happened() {
    let said = probe("end", &[], &["panic"]).failed(134);
    assert_says(
        &said,
        &["this program was told to panic", "end::main", "end.rs:"],
    );
    let said = probe("end", &[], &["overflow"]).failed(134);
    assert_says(&said, &["call stack exhausted", "end::recurse"]);
}

#[test]
fn a_time_limit_ends_a_guest_that_waits_and_one_that_computes() {
    for mode in ["async", "sync"] {
        for way in ["forever", "spin"] {
            let said = probe("end", &["--timeout", "1s", "--mode", mode], &[way]).failed(124);
            assert_says(&said, &["--timeout"]);
        }
    }
}

#[test]
fn the_network_is_a_right() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let said = probe("rights", &[], &["network", &address]).failed(1);
    assert_says(&said, &["--network"]);
    let said = probe("rights", &["--network"], &["network", &address]).succeeded();
    assert_eq!(said, "connected\n");
}

/// Whichever of the host's threads looked for events while it computed, it is
/// told of them.
#[test]
fn a_guest_that_computes_and_waits_by_turns_is_woken() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = thread::spawn(move || {
        for _ in 0..4 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut byte = [0];
            while let Ok(1) = stream.read(&mut byte) {
                // Long enough that the guest does wait.
                thread::sleep(Duration::from_millis(3));
                stream.write_all(&byte).unwrap();
            }
        }
    });
    for _ in 0..4 {
        let flags = ["--network", "--timeout", "30s"];
        let said = probe("bursts", &flags, &[&address, "20"]).succeeded();
        assert_eq!(said, "20 echoes\n");
    }
    server.join().unwrap();
}

#[test]
fn name_lookup_is_a_right() {
    let said = probe("rights", &["--network"], &["names", "localhost:80"]).failed(1);
    assert_says(&said, &["--name-lookup"]);
    let flags = ["--network", "--name-lookup"];
    let said = probe("rights", &flags, &["names", "localhost:80"]).succeeded();
    assert_eq!(said, "addresses: true\n");
}

#[test]
fn directories_are_rights() {
    let directory = tempfile::TempDir::new().unwrap();
    fs::write(directory.path().join("note"), "read me\n").unwrap();
    probe("rights", &[], &["file", "/data/note"]).failed(1);
    let mapped = format!("{}::/data", directory.path().display());
    let said = probe("rights", &["--dir", &mapped], &["file", "/data/note"]).succeeded();
    assert_eq!(said, "read me\n");
}

#[test]
fn the_environment_is_a_right() {
    probe("rights", &[], &["env", "SECRET"]).failed(1);
    let said = probe("rights", &["--env", "SECRET=told"], &["env", "SECRET"]).succeeded();
    assert_eq!(said, "told\n");
}

#[test]
fn an_http_request_needs_the_right_to_send_one_and_no_other() {
    let server = HttpServer::start(router()).unwrap();
    let url = format!("{}/wait/1/7", server.url());
    let said = probe("rights", &["--network", "--name-lookup"], &["get", &url]).failed(1);
    assert_says(&said, &["--http", "GET http://localhost:"]);
    let said = probe("rights", &["--http"], &["get", &url]).succeeded();
    assert_eq!(said, "request 7 waited 1 ms\n");
}

#[test]
fn a_certificate_to_trust_is_read_before_the_guest_runs() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("none.pem");
    let file = path.to_str().unwrap();
    let flags = ["--http", "--http-ca", file];
    assert_says(&probe("end", &flags, &["well"]).failed(1), &["none.pem"]);
    fs::write(&path, "no certificate").unwrap();
    let said = probe("end", &flags, &["well"]).failed(1);
    assert_says(&said, &["none.pem", "holds no certificate"]);
    probe("end", &["--http-ca", file], &["well"]).failed(2);
}

#[test]
fn an_http_request_over_sockets_needs_both_rights() {
    let server = HttpServer::start(router()).unwrap();
    let url = format!("{}/wait/1/7", server.url());
    let said = probe("over_sockets", &["--network"], &[&url]).failed(1);
    assert_says(&said, &["--name-lookup"]);
    let flags = ["--network", "--name-lookup"];
    let said = probe("over_sockets", &flags, &[&url]).succeeded();
    assert_eq!(said, "request 7 waited 1 ms\nremote address: true\n");
}

#[test]
fn what_is_no_component_is_named() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("text.wasm");
    fs::write(&path, "not WebAssembly").unwrap();
    let said = Tool::new("host").arg(&path).run().failed(1);
    assert_says(&said, &["text.wasm"]);
    let said = Tool::new("host")
        .arg(directory.path().join("gone.wasm"))
        .run()
        .failed(1);
    assert_says(&said, &["gone.wasm"]);
    fs::write(&path, b"\0asm\x01\0\0\0").unwrap();
    let said = Tool::new("host").arg(&path).run().failed(1);
    assert_says(&said, &["text.wasm", "is a core WebAssembly module"]);
}
