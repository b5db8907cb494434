//! Tokio on WASI 0.3: the same programs, which wait in one waitable set.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use wasip2_fixtures::{HttpServer, router};

use crate::http_client::interfaces;
use crate::tool::{self, Ended, Tool, assert_says};

const LIBCS: [&str; 2] = ["ec0effd", "161b319"];

/// Builds a guest for WASI 0.3.
fn component(name: &str) -> PathBuf {
    tool::component("run", name, &["--wasi", "0.3"])
}

/// The host, with `rights`, for a component.
fn host(rights: &[&str], component: &Path, arguments: &[&str]) -> Tool {
    Tool::new("host")
        .args(["--timeout", "120"])
        .args(rights)
        .arg(component)
        .args(arguments)
}

/// What a component prints that is to wait for nothing of WASI 0.2, and what the
/// host counted.
fn waits_for_nothing_of_0_2(rights: &[&str], component: &Path, arguments: &[&str]) -> String {
    let directory = tempfile::TempDir::new().unwrap();
    let counted = directory.path().join("statistics");
    let counting = ["--statistics", counted.to_str().unwrap()];
    let said = host(&[rights, &counting].concat(), component, arguments).run();
    let said = said.succeeded();
    let counted = statistics(&counted);
    assert_eq!(counted["polls"], 0, "{counted}");
    // The standard library prints through 0.2, and a line may have to wait.
    let lines = said.lines().count() as u64;
    assert!(counted["blocks"].as_u64().unwrap() <= lines, "{counted}");
    said
}

fn statistics(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn sockets_wait_for_nothing_of_0_2() {
    for libc in LIBCS {
        let component = tool::component("run", "sockets", &["--wasi", "0.3", "--libc", libc]);
        let rights = ["--network", "--name-lookup"];
        assert_eq!(
            waits_for_nothing_of_0_2(&rights, &component, &[]),
            "tcp echo: 8 clients, 1048576 bytes each\n\
             udp echo: 16 datagrams each way\n\
             debug of a connecting stream\n\
             refused connection\n\
             connect by name\n\
             vectored write\n",
            "{libc}"
        );
    }
}

#[test]
fn each_build_has_the_sockets_of_its_version_alone() {
    let newer = interfaces(&component("sockets"));
    let older = interfaces(&tool::component("run", "sockets", &[]));
    let has = |interfaces: &BTreeSet<String>, start: &str| {
        interfaces.iter().any(|name| name.starts_with(start))
    };
    assert!(has(&newer, "wasi:sockets/types@0.3."), "{newer:?}");
    assert!(
        !newer
            .iter()
            .any(|name| name.starts_with("wasi:sockets/") && name.contains("@0.2.")),
        "{newer:?}"
    );
    assert!(has(&older, "wasi:sockets/tcp@0.2."), "{older:?}");
    assert!(
        !older.iter().any(|name| name.contains("@0.3.")),
        "{older:?}"
    );
}

#[test]
fn the_standard_library_s_sockets_are_as_natively() {
    let natively = Command::new(tool::native("guests", "probes", "std_sockets"))
        .output()
        .unwrap();
    assert!(natively.status.success(), "{natively:?}");
    let natively = String::from_utf8(natively.stdout).unwrap();
    let rights = ["--network", "--name-lookup"];
    let said = waits_for_nothing_of_0_2(&rights, &component("std_sockets"), &[]);
    assert_eq!(said, natively);
}

#[test]
fn the_demo_sends_its_requests_at_once() {
    let server = HttpServer::start(router()).unwrap();
    let said = Tool::new("run")
        .args(["--wasi", "0.3", "--"])
        .args(["--requests", "25", "--bodies", &server.url()])
        .run()
        .succeeded();
    assert_eq!(said.lines().count(), 50);
    assert_says(&said, &["request 0 waited 10 ms\nrequest 1 waited 25 ms\n"]);
}

#[test]
fn axum_answers() {
    let mut child = host(&["--network"], &component("axum-hello"), &[])
        .into_command()
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut address = String::new();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    said.read_line(&mut address).unwrap();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(address.trim()).unwrap();
        write!(
            stream,
            "GET / HTTP/1.1\r\nhost: axum\r\nconnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with("Hello, World!"), "{answer}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn files_wait_for_nothing() {
    let directory = tempfile::TempDir::new().unwrap();
    let place = format!("{}::.", directory.path().display());
    let said = waits_for_nothing_of_0_2(&["--dir", &place], &component("files"), &[]);
    assert_says(&said, &["many at once: 50 right", "left: []"]);
}

#[test]
fn timers_are_neither_early_nor_many() {
    let said = waits_for_nothing_of_0_2(&[], &component("timers"), &["1000"]);
    assert_says(&said, &["over 1000 early 0"]);
}

#[test]
fn the_standard_streams_carry_every_byte() {
    let bytes: Vec<u8> = (0..300_000u32)
        .map(|n| (n.wrapping_mul(n) >> 7) as u8)
        .collect();
    let mut child = host(&[], &component("streams"), &["copy"])
        .into_command()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let copy = bytes.clone();
    let writer = std::thread::spawn(move || stdin.write_all(&copy).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout == bytes, "{} bytes", output.stdout.len());
}

#[test]
fn what_is_refused_is_an_error_of_its_kind() {
    let component = component("refused");
    let refused =
        |rights: &[&str], what: &str| -> Ended { host(rights, &component, &[what]).run() };
    let said = refused(&["--network"], "names").succeeded();
    assert_says(&said, &["names: PermissionDenied"]);
    let said = refused(&["--name-lookup"], "network").succeeded();
    assert_says(
        &said,
        &[
            "udp: PermissionDenied",
            "listen: PermissionDenied",
            "network: PermissionDenied",
        ],
    );
    let said = refused(&["--network"], "twice").succeeded();
    assert_says(&said, &["twice: AlreadyExists"]);
    let said = refused(&["--network"], "closed").succeeded();
    assert_says(&said, &["waits: TimedOut", "closed: done"]);
    let said = refused(&[], "deadlock").failed(134);
    assert_says(&said, &["deadlock: everything is waiting"]);
}

#[test]
fn what_is_cancelled_leaves_nothing_behind() {
    let directory = tempfile::TempDir::new().unwrap();
    let component = component("cancel");
    let place = format!("{}::.", directory.path().display());
    let mut left = Vec::new();
    for count in ["20", "3000"] {
        let counted = directory.path().join("statistics");
        let rights = [
            "--network",
            "--name-lookup",
            "--dir",
            &place,
            "--statistics",
        ];
        let rights = [&rights[..], &[counted.to_str().unwrap()]].concat();
        let mut child = host(&rights, &component, &[count, "7", "1"])
            .into_command()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Standard input stays open and silent.
        let stdin = child.stdin.take();
        let said = Ended::from(child.wait_with_output().unwrap()).succeeded();
        drop(stdin);
        assert_says(&said, &[&format!("{count} done")]);
        let counted = statistics(&counted);
        left.push((counted["resources"].clone(), counted["waitables"].clone()));
    }
    assert_eq!(left[0], left[1]);
}

/// Their events would be missed, and the program would hang.
#[test]
fn bindings_that_share_their_task_otherwise_are_told_of() {
    let said = host(&[], &component("other-bindings"), &[])
        .run()
        .failed(134);
    assert_says(&said, &["`wasip3_task`", "use the crate wasip3 0.10"]);
}

/// Of whichever version of wit-bindgen they are.
#[test]
fn bindings_of_two_versions_wait_beside_each_other() {
    let said = waits_for_nothing_of_0_2(&[], &component("two-bindings"), &[]);
    assert_eq!(said, "the older bindings\ntokio\nthe newer bindings\n");
}

/// What waits through WASI 0.2 is, and once; the sockets of the standard library
/// are those of 0.3.
#[test]
fn code_that_blocks_goes_on_and_is_told_of() {
    let directory = tempfile::TempDir::new().unwrap();
    let counted = directory.path().join("statistics");
    let rights = ["--network", "--statistics", counted.to_str().unwrap()];
    let ended = host(&rights, &component("stalls"), &[]).run();
    assert_says(&ended.stderr, &["the guest waits through WASI 0.2"]);
    assert_eq!(ended.stderr.matches("warning").count(), 1, "{ended:?}");
    assert_eq!(
        ended.succeeded(),
        "slept\nover blocking sockets\nthe timer is over\n"
    );
    assert_eq!(statistics(&counted)["blocks"], 2);
}
