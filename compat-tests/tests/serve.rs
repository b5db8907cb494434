//! One axum application four ways: natively, over sockets in a component, and as
//! a handler of `wasi:http`, of WASI 0.2 and of 0.3.

use std::collections::BTreeMap;
use std::fs;

use serde::Deserialize;

use crate::differences;
use crate::preinit;
use crate::server::{Body, Request, Server, component, component_0_3, native};
use crate::tool::Tool;

/// A case that ends otherwise in a component.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    case: String,
    native: String,
    /// Over sockets, where that differs.
    sockets: Option<String>,
    /// As a handler, where that differs.
    handler: Option<String>,
    /// As a handler of WASI 0.3, where that is not as one of 0.2.
    shared: Option<String>,
    #[allow(dead_code, reason = "it is for whoever reads the file")]
    why: String,
}

/// The known differences.
fn differences() -> BTreeMap<String, Difference> {
    differences::read("servers.toml", |difference: &Difference| {
        difference.case.clone()
    })
}

/// Every case, by its name.
fn cases() -> Vec<(String, Request)> {
    fn get(target: impl Into<String>) -> Request {
        Request::get(target)
    }
    fn post(target: impl Into<String>, body: Body) -> Request {
        Request::post(target, body)
    }
    let mut cases: Vec<(String, Request)> = Vec::new();
    let mut add = |name: &str, request: Request| cases.push((name.to_owned(), request));

    // Methods and paths.
    add("hello", get("/"));
    add("html", get("/html"));
    for method in [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND",
    ] {
        add(
            &format!("method {method}"),
            Request::new(method, "/reflect"),
        );
    }
    add("method that is not allowed", Request::new("DELETE", "/"));
    add("path that does not exist", get("/nowhere"));
    add("path with parts", get("/path/one/two/three"));
    add("path with escapes", get("/path/a%20b/c%2Fd/%C3%A9"));
    add("path with odd characters", get("/reflect/../x//y;p=1,2"));
    add("path with two slashes", get("//reflect"));
    add("query", get("/query?a=1&b=two&a=3"));
    add("query with escapes", get("/query?q=a+b%26c&e="));
    add("query that is empty", get("/reflect?"));
    add("query as it is", get("/reflect?a=%20&b=[x]&c=a/b?c"));
    add(
        "query of 8 KiB",
        get(format!("/query?q={}", "x".repeat(8192))),
    );
    add("asterisk", Request::new("OPTIONS", "*"));
    add("absolute target", get("http://other.test/reflect?a"));
    add("fragment is not part of a target", get("/reflect#part"));

    // Headers of the request.
    add(
        "headers",
        get("/reflect").header("x-one", "1").header("accept", "*/*"),
    );
    add(
        "headers repeated",
        get("/reflect")
            .header("x-a", "1")
            .header("x-a", "2")
            .header("cookie", "a=1; b=2"),
    );
    add("header empty", get("/reflect").header("x-empty", ""));
    add(
        "header in Latin-1",
        get("/reflect").header("x-latin", "caf\u{e9}"),
    );
    add(
        "header of 8 KiB",
        get("/reflect").header("x-long", "y".repeat(8192)),
    );
    add(
        "host with a port",
        get("/reflect").header("host", "example.test:8080"),
    );
    add("connection close", get("/").header("connection", "close"));
    add(
        "connection named",
        get("/reflect")
            .header("connection", "x-hop")
            .header("x-hop", "1"),
    );
    add("te", get("/reflect").header("te", "trailers"));
    add(
        "upgrade",
        get("/reflect")
            .header("connection", "upgrade")
            .header("upgrade", "websocket"),
    );
    add(
        "90 headers",
        (0..90).fold(get("/reflect"), |request, _| request.header("x-many", "1")),
    );

    // Headers of the response.
    add("response headers repeated", get("/repeated"));
    add("response headers odd", get("/odd"));
    add("response header empty", get("/empty-value"));
    add("response header of 100 KiB", get("/large-header/102400"));
    add("response with 90 headers", get("/many-headers/90"));
    for (name, value) in [
        ("connection", "close"),
        ("connection", "keep-alive"),
        ("connection", "x-hop"),
        ("keep-alive", "timeout=5"),
        ("upgrade", "h2c"),
        ("proxy-connection", "keep-alive"),
        ("proxy-authenticate", "Basic"),
        ("host", "example.test"),
        ("http2-settings", "x"),
        ("te", "trailers"),
        ("date", "then"),
        ("server", "mine"),
    ] {
        add(
            &format!("response header {name} {value}"),
            get(format!("/header/{name}/{value}")),
        );
    }

    // Statuses.
    for code in [
        200, 201, 202, 204, 205, 206, 304, 400, 404, 418, 429, 500, 503, 599, 999,
    ] {
        add(&format!("status {code}"), get(format!("/status/{code}")));
    }
    for code in [303, 307, 308] {
        add(
            &format!("redirect {code}"),
            get(format!("/redirect/{code}")),
        );
    }
    for path in [
        "/",
        "/bytes/1000",
        "/stream/1000/100",
        "/length-of-head",
        "/status/404",
        "/trailers",
    ] {
        add(&format!("head of {path}"), Request::new("HEAD", path));
    }
    add("entity tag", get("/etag"));
    add(
        "entity tag that is known",
        get("/etag").header("if-none-match", "\"v1\""),
    );

    // Bodies of the response.
    for length in [0, 1, 1000, 1 << 20] {
        add(&format!("{length} bytes"), get(format!("/bytes/{length}")));
    }
    for (length, piece) in [
        (0, 1),
        (1, 1),
        (1000, 7),
        (1 << 20, 4096),
        (64 << 20, 1 << 20),
    ] {
        add(
            &format!("stream of {length} by {piece}"),
            get(format!("/stream/{length}/{piece}")),
        );
    }
    add("trailers", get("/trailers").header("te", "trailers"));
    add("trailers not asked for", get("/trailers"));
    add(
        "compressed",
        get("/compressed/10000").header("accept-encoding", "gzip"),
    );
    add("not compressed", get("/compressed/10000"));
    add(
        "compressed but small",
        get("/compressed/10").header("accept-encoding", "gzip"),
    );

    // Bodies of the request.
    for length in [0, 1, 1 << 20, 64 << 20] {
        add(
            &format!("sum of {length}"),
            post("/sum", Body::Length(length)),
        );
        add(
            &format!("sum of {length} in chunks"),
            post("/sum", Body::Chunks(length, 100_000, &[])),
        );
    }
    for length in [0, 1, 100_000, 1 << 20, 64 << 20] {
        add(
            &format!("echo of {length}"),
            post("/echo", Body::Length(length)),
        );
    }
    add(
        "echo of chunks",
        post("/echo", Body::Chunks(100_000, 999, &[])),
    );
    add(
        "echo, slowly",
        post("/echo-slowly", Body::Chunks(1 << 20, 50_000, &[])),
    );
    add("echo, whole", post("/whole", Body::Length(100_000)));
    add(
        "echo of PUT",
        Request {
            body: Body::Text("put"),
            ..Request::new("PUT", "/echo")
        },
    );
    let sent = &[("x-check", "yes"), ("x-check", "again")];
    add(
        "trailers sent",
        post("/sum", Body::Chunks(10, 5, sent)).header("trailer", "x-check"),
    );
    add(
        "trailers sent of an empty body",
        post("/sum", Body::Chunks(0, 5, sent)).header("trailer", "x-check"),
    );
    add(
        "trailers sent back",
        post("/echo", Body::Chunks(10, 5, sent))
            .header("trailer", "x-check")
            .header("te", "trailers"),
    );
    add("hint of no body", get("/hint"));
    add("hint of POST without a body", Request::new("POST", "/hint"));
    add("hint of an empty body", post("/hint", Body::Length(0)));
    add("hint of a body", post("/hint", Body::Length(10)));
    add("hint of chunks", post("/hint", Body::Chunks(10, 10, &[])));
    add(
        "body of GET",
        Request {
            body: Body::Text("got"),
            ..get("/sum")
        },
    );
    add("body that is not read", post("/unread", Body::Length(1000)));
    add(
        "body that is half read",
        post("/half-read", Body::Length(100)),
    );
    add("body over the limit", post("/small", Body::Length(2000)));
    add(
        "body over the limit in chunks",
        post("/small", Body::Chunks(2000, 100, &[])),
    );
    add(
        "expected",
        post("/sum", Body::Length(1000)).header("expect", "100-continue"),
    );

    // Extractors.
    let json = |text| post("/json", Body::Text(text)).header("content-type", "application/json");
    add("json", get("/json"));
    add("json sent", json(r#"{"name": "Bob", "age": 7}"#));
    add("not json", json("{"));
    add("json of another shape", json("[]"));
    add("json without its type", post("/json", Body::Text("{}")));
    add(
        "form",
        post("/form", Body::Text("a=1&b=x+y"))
            .header("content-type", "application/x-www-form-urlencoded"),
    );

    // Files.
    add("file", get("/files/note.txt"));
    add("file of 1 MiB", get("/files/large"));
    add("file that is not there", get("/files/nothing"));
    add("file outside", get("/files/../../etc/passwd"));
    add("directory", get("/files/inner"));
    add(
        "range",
        get("/files/large").header("range", "bytes=1000-1999"),
    );
    add(
        "range at the end",
        get("/files/large").header("range", "bytes=-5"),
    );
    add(
        "range that cannot be",
        get("/files/large").header("range", "bytes=9999999-"),
    );
    add("head of a file", Request::new("HEAD", "/files/large"));

    // Time, and what goes wrong.
    add("wait", get("/wait/50"));
    add("time limit kept", get("/impatient/1"));
    add("time limit over", get("/impatient/5000"));
    add("body that fails", get("/fails-late"));
    add("body shorter than its length", get("/length/100/10"));
    add("body longer than its length", get("/length/10/100"));
    cases
}

#[test]
fn one_application_answers_alike_natively_over_sockets_and_as_a_handler() {
    let files = tempfile::TempDir::new().unwrap();
    fs::write(files.path().join("note.txt"), "read me\n").unwrap();
    fs::write(
        files.path().join("large"),
        crate::server::pattern(0, 1 << 20),
    )
    .unwrap();
    fs::create_dir(files.path().join("inner")).unwrap();
    let directory = files.path().display().to_string();
    let mapped = format!("{directory}::/srv");

    let mut command = native("app");
    command.env("FILES", &directory);
    let natively = Server::start(command);
    let over_sockets = Tool::new("host")
        .args(["--network", "--env", "FILES=/srv", "--dir", &mapped])
        .arg(component("app"));
    let over_sockets = Server::start(over_sockets.into_command());
    let flags = ["--env", "FILES=/srv", "--dir", &mapped];
    let fresh = Server::serving("app", &flags);
    let reusing = [&flags[..], &["--max-instance-reuse-count", "1000"]].concat();
    let reused = Server::serving("app", &reusing);
    let begun = preinit::begun("app", files.path(), &flags);
    let begun = Server::serving_file(&begun, &flags);
    let shared = Server::serving_file(&component_0_3("app"), &flags);

    let cases = cases();
    assert!(cases.len() >= 80, "only {} cases", cases.len());
    let mut known = differences();
    let mut wrong = Vec::new();
    for (case, request) in &cases {
        let native = natively.ask(request).summary();
        let sockets = over_sockets.ask(request).summary();
        let handler = fresh.ask(request).summary();
        let again = reused.ask(request).summary();
        let begun = begun.ask(request).summary();
        let shared = shared.ask(request).summary();
        let known = known.remove(case);
        if let Some(known) = &known
            && known.native != native
        {
            wrong.push(format!(
                "{case}, natively\n  listed: {}\n  is:     {native}",
                known.native
            ));
        }
        let expected = |listed: Option<&String>| listed.cloned().unwrap_or(native.clone());
        let listed = expected(known.as_ref().and_then(|known| known.sockets.as_ref()));
        if sockets != listed {
            wrong.push(format!(
                "{case}, over sockets\n  expected: {listed}\n  is:       {sockets}"
            ));
        }
        let as_handler = known.as_ref().and_then(|known| known.handler.as_ref());
        let listed = expected(
            (known.as_ref())
                .and_then(|known| known.shared.as_ref())
                .or(as_handler),
        );
        if shared != listed {
            wrong.push(format!(
                "{case}, as a handler of WASI 0.3\n  expected: {listed}\n  is:       {shared}"
            ));
        }
        let listed = expected(as_handler);
        for (way, handler) in [
            ("as a handler", handler),
            ("as one that is reused", again),
            ("as one that is pre-initialised", begun),
        ] {
            if handler != listed {
                wrong.push(format!(
                    "{case}, {way}\n  expected: {listed}\n  is:       {handler}"
                ));
            }
        }
    }
    for case in known.keys() {
        wrong.push(format!(
            "{case} is listed as a difference, and there is no such case"
        ));
    }
    assert!(
        wrong.is_empty(),
        "{} of {} cases differ:\n{}\n{}\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n"),
        fresh.said(),
        shared.said()
    );
}
