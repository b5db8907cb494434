//! The host without an event loop: `--host poll`.

use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::process::Command;

use crate::server::{Answer, Server};
use crate::tool::{Tool, assert_says, component, repository};

#[test]
fn there_is_no_tokio_in_it() {
    let tree = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "tree",
            "--offline",
            "--package",
            "wasip2-host-poll",
            "--prefix",
            "none",
        ])
        .args(["--edges", "normal,build"])
        .current_dir(repository())
        .output()
        .unwrap();
    assert!(tree.status.success(), "{tree:?}");
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert_says(&tree, &["wasmtime v", "rustix v"]);
    for runtime in [
        "tokio",
        "async-std",
        "smol",
        "futures-executor",
        "wasmtime-wasi ",
    ] {
        let found = tree.lines().find(|line| line.starts_with(runtime));
        assert_eq!(found, None);
    }
}

#[test]
fn sockets_names_and_timers_are_as_in_the_built_in_host() {
    let on = |host: &str, example: &str, arguments: &[&str]| {
        let run = Tool::new("run").args(["--host", host, "--example", example]);
        run.arg("--").args(arguments).run().succeeded()
    };
    assert_eq!(on("poll", "sockets", &[]), on("builtin", "sockets", &[]));
    // By how much the last one was late is the machine's affair.
    assert_says(
        &on("poll", "timers", &["1000"]),
        &["pending 1000\nover 1000 early 0\n"],
    );
}

#[test]
fn files_are_as_in_the_built_in_host() {
    let on = |host: &str| {
        let directory = tempfile::TempDir::new().unwrap();
        Tool::new("host")
            .args(["--host", host, "--dir"])
            .arg(format!("{}::.", directory.path().display()))
            .arg(component("run", "files", &[]))
            .run()
            .succeeded()
    };
    for (poll, builtin) in on("poll").lines().zip(on("builtin").lines()) {
        assert_eq!(poll, builtin);
    }
}

/// All have asked before anybody reads an answer.
#[test]
fn many_connections_at_once_are_answered() {
    let number = std::env::var("WASIP2_CONNECTIONS").map_or(500, |number| number.parse().unwrap());
    let tool = Tool::new("host").args(["--host", "poll", "--network", "--timeout", "10m"]);
    let server = Server::start(tool.arg(component("run", "axum-hello", &[])).into_command());
    let mut clients: Vec<TcpStream> = (0..number)
        .map(|_| TcpStream::connect(server.address()).unwrap())
        .collect();
    for _ in 0..3 {
        for client in &mut clients {
            client
                .write_all(b"GET / HTTP/1.1\r\nhost: a.test\r\n\r\n")
                .unwrap();
        }
        for client in clients.iter().rev() {
            let answer = Answer::read(&mut BufReader::with_capacity(1, client), false);
            assert_eq!(
                (answer.status, answer.text()),
                (200, "Hello, World!".to_owned())
            );
        }
    }
}

#[test]
fn what_it_has_not_it_says() {
    let refused = |arguments: &[&str], example: &str| {
        Tool::new("host")
            .args(["--host", "poll"])
            .args(arguments)
            .arg(component("run", example, &[]))
            .run()
            .failed(1)
    };
    assert_says(&refused(&[], "demo"), &["has no HTTP", "with_sockets"]);
    assert_says(&refused(&["--clock", "fast"], "end"), &["has no `--clock`"]);
    let served = Tool::new("serve").args(["--host", "poll", "x.wasm"]).run();
    assert_says(&served.failed(1), &["has no HTTP, and serves nothing"]);
}

#[test]
fn a_guest_has_no_right_but_those_given_and_ends_in_time() {
    let run = |flags: &[&str]| {
        let tool = Tool::new("host").args(["--host", "poll"]).args(flags);
        tool.arg(component("run", "axum-hello", &[])).run()
    };
    let said = run(&[]).failed(1);
    assert_says(
        &said,
        &["the guest was refused the network", "`--network` allows it"],
    );
    let ended = run(&["--network", "--timeout", "500ms"]);
    assert_says(&ended.failed(124), &["still waiting"]);
}
