//! jco on Node.js as the host: what runs there as it does in Wasmtime, and
//! what does not, with the reason.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use wasip2_fixtures::{HttpServer, router};

use crate::differences;
use crate::server::{Body, Request, Server, pattern};
use crate::tool::{Ended, Tool, assert_says, component};

/// The cases of the guest `portable`.
const CASES: [&str; 16] = [
    "timers",
    "interval",
    "tcp",
    "tcp-large",
    "tcp-refused",
    "tcp-idle",
    "udp",
    "names",
    "no-such-name",
    "file-read",
    "file-write",
    "http",
    "http-at-once",
    "http-post",
    "http-stream",
    // The last, for it may take its time.
    "tcp-half-close",
];

/// A case that ends otherwise on jco.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    case: String,
    jco: String,
    /// What it says on jco in other runs, where that depends on who is faster.
    or: Option<String>,
    #[allow(dead_code, reason = "it is for whoever reads the file")]
    why: String,
}

/// A guest on jco.
fn jco(flags: &[&str], guest: &str, arguments: &[&str]) -> Tool {
    Tool::new("host")
        .args(["--host", "jco"])
        .args(flags)
        .arg(component("run", guest, &[]))
        .args(arguments)
}

/// What each case of `portable` says on a host.
pub fn portable(host: &str) -> BTreeMap<String, String> {
    let server = HttpServer::start(router()).unwrap();
    let directory = tempfile::TempDir::new().unwrap();
    fs::write(directory.path().join("note"), "read me\n").unwrap();
    let ended = Tool::new("host")
        .args(["--host", host, "--network", "--name-lookup", "--http"])
        .args(["--env", &format!("SERVER={}", server.url()), "--dir"])
        .arg(format!("{}::.", directory.path().display()))
        .arg(component("run", "portable", &[]))
        .args(CASES)
        .run();
    let said: BTreeMap<String, String> = ended
        .stdout
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(case, said)| (case.to_owned(), said.to_owned()))
        .collect();
    assert_eq!(said.len(), CASES.len(), "{host}: {ended:?}");
    said
}

#[test]
#[cfg_attr(not(has_node), ignore = "needs Node.js 20 or newer with npm")]
fn it_differs_from_wasmtime_in_nothing_that_is_not_listed() {
    let wasmtime = portable("builtin");
    for (case, said) in &wasmtime {
        assert!(!said.starts_with("FAILED"), "{case}: {said}");
    }
    let mut expected = wasmtime;
    let listed = differences::read("jco.toml", |difference: &Difference| {
        difference.case.clone()
    });
    let jco = portable("jco");
    for (case, Difference { jco: one, or, .. }) in listed {
        let said = expected.get(&case);
        let said = said.unwrap_or_else(|| panic!("there is no case `{case}`"));
        assert_ne!(*said, one, "{case} does not differ");
        assert_ne!(Some(said), or.as_ref(), "{case} does not differ");
        let other = or.filter(|or| *or == jco[&case]);
        expected.insert(case, other.unwrap_or(one));
    }
    assert_eq!(jco, expected);
}

#[test]
#[cfg_attr(not(has_node), ignore = "needs Node.js 20 or newer with npm")]
fn the_demo_gives_the_same_bytes_on_it() {
    let demo = |host: &str| {
        Tool::new("run")
            .args(["--host", host, "--", "--requests", "5", "--bodies"])
            .run()
            .succeeded()
    };
    assert_eq!(demo("jco"), demo("builtin"));
}

/// Sockets, names, timers, bare pollables and standard input, all at once.
#[test]
#[cfg_attr(not(has_node), ignore = "needs Node.js 20 or newer with npm")]
fn everything_is_waited_for_at_once_on_it() {
    let flags = ["--timeout", "60s", "--network", "--name-lookup"];
    let mut child = jco(&flags, "one-wait", &["2"])
        .into_command()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for line in 0..10 {
        writeln!(stdin, "{line}").unwrap();
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(stdin);
    let ended: Ended = child.wait_with_output().unwrap().into();
    let said = ended.succeeded();
    assert_says(&said, &["ticks", "echoes", "lookups", "lines 10"]);
}

#[test]
#[cfg_attr(not(has_node), ignore = "needs Node.js 20 or newer with npm")]
fn a_guest_ends_on_it_as_it_does_elsewhere() {
    assert_eq!(
        jco(&[], "end", &["well"]).run().succeeded(),
        "ended: well\n"
    );
    jco(&[], "end", &["seven"]).run().failed(1);
    let said = jco(&[], "end", &["panic"]).run().failed(134);
    assert_says(&said, &["this program was told to panic", "trapped"]);
    let said = jco(&["--timeout", "2s"], "end", &["forever"])
        .run()
        .failed(124);
    assert_says(&said, &["--timeout"]);
}

#[test]
#[cfg_attr(not(has_node), ignore = "needs Node.js 20 or newer with npm")]
fn a_guest_has_on_it_the_rights_that_it_is_given_and_no_other() {
    let server = HttpServer::start(router()).unwrap();
    let (address, url) = (server.address().to_string(), server.url() + "/wait/1/7");
    for (arguments, flags, right) in [
        (["network", &*address], &[][..], "--network"),
        (["names", "localhost:80"], &["--network"], "--name-lookup"),
        (["get", &*url], &["--network", "--name-lookup"], "--http"),
        (["file", "note"], &[], ""),
        (["env", "SECRET"], &[], ""),
    ] {
        let said = jco(flags, "rights", &arguments).run().failed(1);
        if !right.is_empty() {
            let advice = format!("`{right}` allows it");
            assert_says(&said, &["warning: the guest was refused", &advice]);
        }
    }
    let directory = tempfile::TempDir::new().unwrap();
    fs::write(directory.path().join("note"), "read me\n").unwrap();
    let mapped = format!("{}::/data", directory.path().display());
    for (arguments, flags, said) in [
        (["network", &*address], &["--network"][..], "connected\n"),
        (
            ["names", "localhost:80"],
            &["--network", "--name-lookup"],
            "addresses: true\n",
        ),
        (["get", &*url], &["--http"], "request 7 waited 1 ms\n"),
        (["file", "/data/note"], &["--dir", &mapped], "read me\n"),
        (["env", "SECRET"], &["--env", "SECRET=told"], "told\n"),
    ] {
        assert_eq!(jco(flags, "rights", &arguments).run().succeeded(), said);
    }
}

#[test]
#[cfg_attr(not(has_node), ignore = "needs Node.js 20 or newer with npm")]
fn a_handler_serves_on_it() {
    // A new instance for each request, and one for all.
    for reuse in ["1", "100"] {
        let flags = ["--host", "jco", "--max-instance-reuse-count", reuse];
        serves(Server::serving("hello", &flags));
    }
}

/// Asks the server `hello` for all that it has, and ends it.
pub fn serves(mut server: Server) {
    for _ in 0..3 {
        assert_eq!(server.ask(&Request::get("/")).text(), "Hello, World!");
    }
    let echo = Request::post("/echo", Body::Length(100_000));
    assert!(server.ask(&echo).body == pattern(0, 100_000));
    assert_eq!(server.ask(&Request::get("/nothing")).status, 404);
    assert_eq!(server.interrupt(), Some(0), "{}", server.said());
}

#[test]
fn node_that_is_missing_is_asked_for() {
    let component = component("run", "end", &[]);
    let said = Tool::new("host")
        .args(["--host", "jco"])
        .arg(component)
        .env("PATH", "")
        .run()
        .failed(1);
    assert_says(
        &said,
        &["`node` is not installed", "Node.js 20 or newer", "npm"],
    );
}
