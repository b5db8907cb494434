//! reqwest in components, against real servers: many requests at once, and
//! what a program gets beside responses.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use wasip2_fixtures::{FaultyServer, HttpServer, cases};
use wasmparser::Payload;
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};
use wasmtime_wasi::{WasiCtxView, WasiView};

use crate::tool::{self, Ended, Tool, assert_says};

/// The component of a guest.
fn component(name: &str) -> PathBuf {
    tool::component("run", name, &[])
}

/// A number of requests that the environment asks for, instead of a few.
fn told(variable: &str) -> Option<usize> {
    let number = std::env::var(variable).ok()?;
    Some(number.parse().expect("it is a number"))
}

/// The packages that the guest `name` imports.
fn imports(name: &str) -> BTreeSet<String> {
    packages(&component(name))
}

/// The packages of the interfaces that a component imports, such as
/// `wasi:http`.
pub fn packages(component: &Path) -> BTreeSet<String> {
    let package = |interface: String| interface.split('/').next().unwrap().to_owned();
    interfaces(component).into_iter().map(package).collect()
}

/// The interfaces that a component imports.
pub fn interfaces(component: &Path) -> BTreeSet<String> {
    let wasm = fs::read(component).unwrap();
    let mut interfaces = BTreeSet::new();
    let mut depth = 0;
    for payload in wasmparser::Parser::new(0).parse_all(&wasm) {
        match payload.unwrap() {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    interfaces.insert(import.unwrap().name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    interfaces
}

/// How many requests a load has: fewer than the 10,000 that the environment
/// variable WASIP2_WHOLE_LOAD asks for, so that a run of all tests stays short.
fn load(fewer: usize) -> String {
    match std::env::var_os("WASIP2_WHOLE_LOAD") {
        Some(_) => "10000".to_owned(),
        None => fewer.to_string(),
    }
}

/// What can send requests, and the rights that it needs.
const ENGINES: [(&str, &[&str]); 3] = [
    ("default", &["--http"]),
    ("sockets", &["--network", "--name-lookup"]),
    ("http2", &["--network", "--name-lookup"]),
];

/// Runs the load and gives back what it says, and how many resources were left
/// in the host.
fn run_load(engine: (&str, &[&str]), way: &str, number: &str, url: &str) -> (String, u64) {
    run_load_of(&component("load"), engine, way, number, url)
}

fn run_load_of(
    load: &Path,
    (engine, rights): (&str, &[&str]),
    way: &str,
    number: &str,
    url: &str,
) -> (String, u64) {
    let directory = tempfile::TempDir::new().unwrap();
    let statistics = directory.path().join("statistics.json");
    let said = Tool::new("host")
        .args(rights)
        .arg("--statistics")
        .arg(&statistics)
        .arg(load)
        .args([engine, way, number, url])
        .run()
        .succeeded();
    let counted: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(statistics).unwrap()).unwrap();
    (said, counted["resources"].as_u64().unwrap())
}

#[test]
fn many_requests_are_answered_one_by_one_and_at_once() {
    let server = HttpServer::start(cases()).unwrap();
    for engine in ENGINES {
        // The first use of sockets takes what is kept to the end.
        let (_, before) = run_load(engine, "one-by-one", "1", &server.url());
        for way in ["one-by-one", "options", "at-once"] {
            let number = load(1_000);
            let (said, after) = run_load(engine, way, &number, &server.url());
            assert_eq!(said, format!("{number} answered\n"), "{engine:?}");
            assert_eq!(after, before, "{engine:?}: {way} leaves resources");
        }
    }
}

/// Some hosts keep what a request is told of its time limits, for as long as the
/// component runs. WASIP2_CONNECT_TIMEOUTS is another number of requests, such as
/// 2000000, by a guest with optimisation then.
#[test]
fn time_limits_are_not_kept_by_the_host() {
    let number = told("WASIP2_CONNECT_TIMEOUTS");
    let release: &[&str] = if number.is_some() {
        &["--release"]
    } else {
        &[]
    };
    let load = tool::component("run", "load", release);
    let server = HttpServer::start(cases()).unwrap();
    let run = |number: usize| {
        let (way, number) = ("options-at-once", number.to_string());
        let started = Instant::now();
        let (said, resources) = run_load_of(&load, ENGINES[0], way, &number, &server.url());
        assert_eq!(said, format!("{number} answered\n"));
        let took = started.elapsed();
        println!("{number} requests in {took:?}, then {resources} resources in the host");
        resources
    };
    assert_eq!(run(10), run(number.unwrap_or(1_000)));
}

/// Whichever certificates the host trusts.
#[test]
fn a_connect_timeout_covers_the_tls_handshake() {
    // Takes connections, and says nothing on them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", silent.local_addr().unwrap());
    let (said, _) = run_load(ENGINES[0], "impatient", "1", &url);
    assert_eq!(said, "a timeout: true\n");
}

/// A native client waits for as long as it is not told otherwise, and hosts have
/// limits of their own. WASIP2_SILENCE is another number of seconds, such as 620:
/// those limits are ten minutes.
#[test]
fn a_server_may_take_its_time() {
    let silence = Duration::from_secs(told("WASIP2_SILENCE").unwrap_or(1) as u64);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let started = Instant::now();
    // The first before its head, the second within its body.
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || answer_slowly(stream.unwrap(), silence));
        }
    });
    let (said, _) = run_load(ENGINES[0], "at-once", "2", &url);
    assert_eq!(said, "2 answered\n");
    let took = started.elapsed();
    println!("two responses with {silence:?} in which nothing came, in {took:?}");
    assert!(took >= silence);
}

fn answer_slowly(mut stream: TcpStream, silence: Duration) {
    let mut line = String::new();
    let mut head = BufReader::new(stream.try_clone().unwrap());
    head.read_line(&mut line).unwrap();
    let path = line.split(' ').nth(1).unwrap().to_owned();
    while line != "\r\n" {
        line.clear();
        head.read_line(&mut line).unwrap();
    }
    let begun = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", path.len());
    let (before, within) = match path.ends_with("=0") {
        true => (silence, Duration::ZERO),
        false => (Duration::ZERO, silence),
    };
    thread::sleep(before);
    stream.write_all(begun.as_bytes()).unwrap();
    let (first, rest) = path.split_at(2);
    stream.write_all(first.as_bytes()).unwrap();
    thread::sleep(within);
    stream.write_all(rest.as_bytes()).unwrap();
}

#[test]
fn requests_can_be_cancelled_at_any_time() {
    let server = HttpServer::start(cases()).unwrap();
    for engine in ENGINES {
        let (_, before) = run_load(engine, "one-by-one", "1", &server.url());
        let (said, after) = run_load(engine, "cancel", &load(400), &server.url());
        let grown = said
            .strip_prefix("some cancelled: true\nsome not: true\nmemory grew by ")
            .and_then(|rest| rest.strip_suffix(" pages\n"))
            .unwrap_or_else(|| panic!("{engine:?}: {said}"));
        // What an allocator keeps depends on when things ended.
        let grown: usize = grown.parse().unwrap();
        assert!(grown <= 2, "{engine:?}: {said}");
        assert_eq!(after, before, "{engine:?}: resources are left");
    }
}

/// What is never constructed is not even linked, in a build without any
/// optimisation.
#[test]
fn a_component_imports_the_engine_that_it_uses_and_no_other() {
    let over_http = imports("demo");
    assert!(over_http.contains("wasi:http"), "{over_http:?}");
    assert!(!over_http.contains("wasi:sockets"), "{over_http:?}");

    let over_sockets = imports("over_sockets");
    assert!(over_sockets.contains("wasi:sockets"), "{over_sockets:?}");
    assert!(!over_sockets.contains("wasi:http"), "{over_sockets:?}");
}

#[test]
fn the_blocking_client_works_without_threads_and_not_within_a_runtime() {
    let server = HttpServer::start(cases()).unwrap();
    let url = format!("{}/method", server.url());
    let host = |arguments: &[&str]| {
        Tool::new("host")
            .arg("--http")
            .arg(component("blocking"))
            .args(arguments)
            .run()
    };
    assert_eq!(host(&[&url]).succeeded(), "GET\n100000 bytes\n");
    let refused = host(&[&url, "inside"]);
    assert_eq!(refused.stdout, "GET\n100000 bytes\n");
    assert_says(
        &refused.failed(134),
        &["Cannot drop a runtime in a context where blocking is not allowed"],
    );
}

/// Sends a body to a server that says how many did not look whole.
fn upload(
    (engine, rights): (&str, &[&str]),
    way: &str,
    length: &str,
    server: &FaultyServer,
) -> Ended {
    let url = format!("{}/watch", server.url());
    let promised = Some(length).filter(|length| !length.is_empty());
    Tool::new("host")
        .args(rights)
        .arg(component("uploads"))
        .args([engine, way, &url])
        .args(promised)
        .run()
}

/// A body that failed, or that no one wanted to its end, must not look whole
/// to the server; one that ended must.
#[test]
fn a_body_looks_whole_only_if_it_is() {
    for engine in &ENGINES[..2] {
        for (way, length, said, aborted) in [
            ("well", "", "answered 200\nok\n", 0),
            ("well", "9", "answered 200\nok\n", 0),
            ("unread", "", "answered 200\nok\n", 0),
            ("fails", "", "answered 200\ntrue\n", 1),
            ("fails", "9", "answered 200\ntrue\n", 1),
            ("dropped", "", "answered 200\ntrue\n", 1),
        ] {
            let server = FaultyServer::start().unwrap();
            let ended = upload(*engine, way, length, &server);
            assert_eq!(ended.succeeded(), said, "{engine:?}: {way} {length}");
            assert_eq!(server.aborted(), aborted, "{engine:?}: {way} {length}");
        }
    }
}

/// It ends the component, and the host must not end the body well in its place.
#[test]
fn a_body_that_panics_does_not_look_whole() {
    for engine in &ENGINES[..2] {
        for length in ["", "9"] {
            let server = FaultyServer::start().unwrap();
            let ended = upload(*engine, "panics", length, &server);
            assert_eq!(ended.stdout, "answered 200\n", "{engine:?}: {length}");
            let said = ended.failed(134);
            assert_says(&said, &["this body was told to panic", "uploads.rs:"]);
            // The server may learn of it after the host has ended.
            let limit = Instant::now() + Duration::from_secs(10);
            while server.aborted() == 0 && Instant::now() < limit {
                thread::sleep(Duration::from_millis(10));
            }
            assert_eq!(server.aborted(), 1, "{engine:?}: {length}");
        }
    }
}

/// A host that has all of WASI but HTTP, as for linking alone.
struct WithoutHttp;

impl WasiView for WithoutHttp {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        unreachable!("nothing runs in it")
    }
}

/// Nothing is left for a trap to tell.
#[test]
fn a_host_without_wasi_http_refuses_what_needs_it_and_nothing_else() {
    let engine = Engine::default();
    let mut linker = Linker::<WithoutHttp>::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
    let link = |guest: &str| {
        let component = Component::from_file(&engine, component(guest)).unwrap();
        linker.instantiate_pre(&component)
    };
    let refused = format!("{:#}", link("demo").err().unwrap());
    assert_says(
        &refused,
        &["imports", "`wasi:http/", "was not found in the linker"],
    );
    link("over_sockets").unwrap();
}
