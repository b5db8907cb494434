//! Components that answer each other in one host: `serve --route`.

use std::fs;
use std::io::{BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use crate::server::{self, Answer, Body, End, Request, Server, pattern, sum};
use crate::tool::{Tool, assert_says};

/// auth, which sends to cache, which sends to app.
struct Chain {
    server: Server,
    directory: TempDir,
}

const TOKEN: (&str, &str) = ("authorization", "Bearer secret");

impl Chain {
    fn start(flags: &[&str]) -> Chain {
        let directory = TempDir::new().unwrap();
        let kept = directory.path().join("kept");
        fs::create_dir(&kept).unwrap();
        let tool = Tool::new("serve")
            .args(["--addr", "127.0.0.1:0", "--env", "TOKEN=secret"])
            .args(["--env", "UPSTREAM=http://cache.internal", "--route"])
            .arg(format!("cache.internal={}", shown("cache")))
            .args(["--grant", "cache.internal:route=app.internal"])
            .args(["--grant", "cache.internal:env=UPSTREAM=http://app.internal"])
            .arg(format!(
                "--grant=cache.internal:dir={}::/cache",
                kept.display()
            ))
            .arg(format!("--route=app.internal={}", shown("app")))
            .arg("--statistics")
            .arg(directory.path().join("statistics"))
            .args(flags)
            .arg(server::component("auth"));
        Chain {
            server: Server::start(tool.into_command()),
            directory,
        }
    }

    fn kept(&self) -> usize {
        fs::read_dir(self.directory.path().join("kept"))
            .unwrap()
            .count()
    }

    /// Ends it; gives back what was counted.
    fn statistics(mut self) -> Value {
        assert_eq!(self.server.interrupt(), Some(0));
        let text = fs::read_to_string(self.directory.path().join("statistics")).unwrap();
        serde_json::from_str(&text).unwrap()
    }
}

fn shown(name: &str) -> String {
    server::component(name).display().to_string()
}

fn get(target: &str) -> Request {
    Request::get(target).header(TOKEN.0, TOKEN.1)
}

#[test]
fn a_cache_fills_from_the_response_of_another_component() {
    let chain = Chain::start(&[]);
    let refused = chain.server.ask(&Request::get("/bytes/1000000"));
    assert_eq!(refused.status, 401);

    let first = chain.server.ask(&get("/bytes/1000000"));
    assert_eq!((first.status, first.header("x-cache")), (200, Some("miss")));
    assert_eq!(first.body.len(), 1_000_000);
    let second = chain.server.ask(&get("/bytes/1000000"));
    assert_eq!(second.header("x-cache"), Some("hit"));
    assert_eq!(second.body, first.body);

    // Neither the token nor what a connection is about reaches the others.
    let reflected = chain
        .server
        .ask(&get("/reflect").header("x-one", "1"))
        .text();
    assert_says(&reflected, &["host: app.internal\n", "x-one: 1\n"]);
    assert!(!reflected.contains("authorization"), "{reflected}");

    // What breaks off is not whole for anybody, and not kept.
    let before = chain.kept();
    for path in ["/panic-late", "/fails-late"] {
        assert_eq!(chain.server.ask(&get(path)).end, End::BrokenOff, "{path}");
    }
    assert_eq!(chain.kept(), before);
    assert_eq!(chain.server.ask(&get("/panic")).status, 500);
    let head = chain
        .server
        .ask(&Request::new("HEAD", "/bytes/10").header(TOKEN.0, TOKEN.1));
    assert_eq!((head.status, head.body.len()), (200, 0));

    let counted = chain.statistics();
    let requests = |of: &Value| of["requests"].as_u64().unwrap();
    assert_eq!(requests(&counted), 8, "{counted}");
    assert_eq!(requests(&counted["routes"]["cache.internal"]), 7);
    assert_eq!(requests(&counted["routes"]["app.internal"]), 6);
    assert_eq!(counted["traps"], 0, "the outer ones go on: {counted}");
}

#[test]
fn ten_mebibytes_stream_both_ways_through_three_components() {
    let chain = Chain::start(&[]);
    let length = 10 << 20;
    let echo = Request::post("/echo", Body::Length(length));
    let answer = chain.server.ask(&echo.header(TOKEN.0, TOKEN.1));
    assert_eq!((answer.status, answer.end), (200, End::Whole));
    assert_eq!(answer.body.len() as u64, length);
    assert_eq!(sum(&answer.body), sum(&pattern(0, length)));

    // A body that breaks off is whole for none of them.
    let mut cut = TcpStream::connect(chain.server.address()).unwrap();
    let head = head("POST", "/sum", "content-length: 1000000\r\n");
    cut.write_all(&head).unwrap();
    cut.write_all(&[0; 1000]).unwrap();
    cut.shutdown(Shutdown::Write).unwrap();
    let answer = Answer::read(&mut BufReader::new(&cut), false);
    assert!(!answer.text().starts_with("1000 bytes"), "{answer:?}");
}

/// The head of a request that is let through.
fn head(method: &str, target: &str, more: &str) -> Vec<u8> {
    let (name, value) = TOKEN;
    format!("{method} {target} HTTP/1.1\r\nhost: a.test\r\n{name}: {value}\r\n{more}\r\n").into()
}

#[test]
fn a_slow_component_delays_nobody_else() {
    let chain = Chain::start(&[]);
    let mut slow = TcpStream::connect(chain.server.address()).unwrap();
    slow.write_all(&head("GET", "/nearly-never", "")).unwrap();
    thread::scope(|scope| {
        let asked: Vec<_> = (0..100)
            .map(|index| {
                let server = &chain.server;
                scope.spawn(move || server.ask(&get(&format!("/wait/{}?{index}", 200 + index))))
            })
            .collect();
        for (index, asked) in asked.into_iter().enumerate() {
            let answer = asked.join().unwrap();
            assert_eq!(answer.text(), format!("waited {} ms", 200 + index));
        }
    });
    drop(slow);
}

#[test]
fn limits_are_those_of_each_component() {
    // A hundred at once, of whom two are answered at a time.
    let chain = Chain::start(&["--max-instances", "2"]);
    thread::scope(|scope| {
        for index in 0..20 {
            let server = &chain.server;
            scope.spawn(move || {
                let answer = server.ask(&get(&format!("/wait/10?{index}")));
                assert_eq!(answer.text(), "waited 10 ms");
            });
        }
    });
    drop(chain);
    let chain = Chain::start(&["--timeout", "2s", "--max-memory", "64"]);
    assert_eq!(chain.server.ask(&get("/nearly-never")).status, 504);
    assert_eq!(chain.server.ask(&get("/allocate/100")).status, 500);
    assert_eq!(chain.server.ask(&get("/wait/1")).status, 200);
}

/// Seven proxies, one behind the other, and what they are for.
#[test]
fn a_long_chain_answers_many_at_once() {
    let name = |place: usize| format!("link{place}.internal");
    let mut tool = Tool::new("serve")
        .args(["--addr", "127.0.0.1:0", "--max-instances", "3"])
        .arg(format!("--env=UPSTREAM=http://{}", name(0)));
    for place in 0..6 {
        tool = tool
            .arg(format!("--route={}={}", name(place), shown("proxy")))
            .arg(format!(
                "--grant={}:env=UPSTREAM=http://{}",
                name(place),
                name(place + 1)
            ))
            .arg(format!("--grant={}:route={}", name(place), name(place + 1)));
    }
    let tool = tool.arg(format!("--route={}={}", name(6), shown("app")));
    let mut server = Server::start(tool.arg(server::component("proxy")).into_command());
    thread::scope(|scope| {
        for client in 0..40 {
            let server = &server;
            scope.spawn(move || {
                let waited = server.ask(&Request::get(format!("/wait/20?{client}")));
                assert_eq!(waited.text(), "waited 20 ms");
                let echoed = server.ask(&Request::post("/echo", Body::Length(100_000)));
                assert_eq!(sum(&echoed.body), sum(&pattern(0, 100_000)));
            });
        }
    });
    assert_eq!(server.interrupt(), Some(0), "{}", server.said());
}

#[test]
fn each_component_has_its_own_rights_and_no_other() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let start = |flags: &[&str]| {
        let tool = Tool::new("serve")
            .args(["--addr", "127.0.0.1:0", "--network", "--http"])
            .args(["--env", "SECRET=outer", "--env", "TOKEN=secret"])
            .args(["--env", "UPSTREAM=http://inner.internal"])
            .arg(format!("--route=inner.internal={}", shown("rights")))
            .arg(format!("--route=other.internal={}", shown("app")))
            .args(flags)
            .arg(server::component("auth"));
        Server::start(tool.into_command())
    };
    let network = format!("/network?of={address}");
    let mut none = start(&[]);
    for target in [
        &*network,
        "/env?of=SECRET",
        "/get?of=http://other.internal/",
    ] {
        assert_eq!(none.ask(&get(target)).status, 403, "{target}");
    }
    assert_eq!(none.interrupt(), Some(0));
    assert_says(
        &none.said(),
        &[
            "`inner.internal` was refused the network",
            "`--grant inner.internal:network` allows it",
            "`--grant inner.internal:route=NAME` allows it",
        ],
    );
    let all = start(&[
        "--grant=inner.internal:network",
        "--grant=inner.internal:env=SECRET=inner",
        "--grant=inner.internal:route=other.internal",
    ]);
    assert_eq!(all.ask(&get(&network)).text(), "connected");
    assert_eq!(all.ask(&get("/env?of=SECRET")).text(), "inner");
    let other = all.ask(&get("/get?of=http://other.internal/"));
    assert_eq!(other.text(), "Hello, World!");
}

#[test]
fn what_cannot_be_a_chain_is_refused() {
    let app: PathBuf = server::component("app");
    let serve = |flags: &[&str]| {
        Tool::new("serve")
            .args(["--addr", "127.0.0.1:0"])
            .arg(format!("--route=a.internal={}", app.display()))
            .arg(format!("--route=b.internal={}", app.display()))
            .args(flags)
            .arg(&app)
            .run()
    };
    let circle = serve(&[
        "--grant=a.internal:route=b.internal",
        "--grant=b.internal:route=a.internal",
    ]);
    assert_says(
        &circle.failed(1),
        &["(a.internal -> b.internal -> a.internal)", "take one"],
    );
    let missing = serve(&["--route=c.internal=missing.wasm"]);
    assert_says(&missing.failed(1), &["missing.wasm could not be read"]);
    for host in ["wasmtime", "jco"] {
        let said = serve(&["--host", host]).failed(1);
        assert_says(&said, &["has no `--route`"]);
    }
}
