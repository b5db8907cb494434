//! Components in one: `cargo wasip2 compose`, in every host.

use std::path::{Path, PathBuf};

use wasip2_fixtures::{HttpServer, router};

use crate::preinit;
use crate::server::{self, Body, End, Request, Server};
use crate::tool::{Ended, Tool, assert_says, bring_wasmtime, component, repository_home};

fn plug(name: &str) -> PathBuf {
    component("run", name, &[])
}

/// Composes `component` with plugs, from the inside to the outside.
fn composing(component: &Path, plugs: &[&str], output: &Path) -> Ended {
    let mut tool = Tool::new("compose").arg(component);
    for name in plugs {
        tool = tool.arg("--plug").arg(plug(name));
    }
    tool.arg("--output").arg(output).run()
}

struct Composed {
    _directory: tempfile::TempDir,
    file: PathBuf,
    said: String,
}

fn compose(component: &Path, plugs: &[&str]) -> Composed {
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("composed.wasm");
    let ended = composing(component, plugs, &file);
    let said = ended.stderr.clone();
    assert_eq!(Path::new(ended.succeeded().trim()), file);
    Composed {
        _directory: directory,
        file,
        said,
    }
}

impl Composed {
    fn run(&self, host: &str, flags: &[&str], arguments: &[&str]) -> Ended {
        let mut tool = Tool::new("host").args(["--host", host]).args(flags);
        // It runs nothing that could send a request, unless it may.
        if host == "wasmtime" && !flags.contains(&"--http") {
            tool = tool.arg("--http");
        }
        tool.arg(&self.file).args(arguments).run()
    }
}

/// Three plugs, each by itself and all together, before a guest that has a
/// Tokio runtime, sockets and reqwest.
fn plugs_work(host: &str) {
    let probe = component("run", "stand_ins", &[]);
    let http = HttpServer::start(router()).unwrap();
    let url = format!("{}/wait/1/7", http.url());
    let allowed = format!("ALLOW={}", http.url().trim_start_matches("http://"));
    let all = compose(&probe, &["http-allowlist", "hosts-file", "scaled-clock"]);
    for composed in [&compose(&probe, &["http-allowlist"]), &all] {
        let get = |allow: &str| composed.run(host, &["--http", "--env", allow], &["get", &url]);
        assert_eq!(get(&allowed).succeeded(), "200 request 7 waited 1 ms\n");
        assert_says(
            &get("ALLOW=other.test").succeeded(),
            &["the host does not allow this request"],
        );
    }
    let hosts = [
        "--name-lookup",
        "--network",
        "--env",
        "HOSTS=db.test=127.0.0.1",
    ];
    for composed in [&compose(&probe, &["hosts-file"]), &all] {
        let names = composed.run(host, &hosts, &["names", "db.test:5"]);
        assert_eq!(names.succeeded(), "127.0.0.1:5\n");
    }
    for composed in [&compose(&probe, &["scaled-clock"]), &all] {
        let slept = composed.run(host, &["--env", "SPEED=3600"], &["sleep", "600"]);
        let slept = slept.succeeded();
        let seconds = slept.split(' ').next().unwrap().parse::<u64>().unwrap();
        assert!(seconds >= 1800, "{slept}");
    }
}

#[test]
fn plugs_work_in_the_built_in_host() {
    plugs_work("builtin");
}

#[test]
#[cfg_attr(
    not(has_wasmtime),
    ignore = "needs Python with pip, or `wasmtime` on PATH"
)]
fn plugs_work_in_wasmtime() {
    bring_wasmtime();
    plugs_work("wasmtime");
}

#[test]
#[cfg_attr(not(has_node), ignore = "needs Node.js 20 or newer with npm")]
fn plugs_work_in_jco() {
    plugs_work("jco");
}

/// The handler in the file `handler` behind so many guards.
fn guarded(handler: &Path, guards: usize) -> Composed {
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("guarded.wasm");
    let guard = server::component("guard");
    let mut tool = Tool::new("compose").arg(&guard);
    for _ in 1..guards {
        tool = tool.arg("--plug").arg(&guard);
    }
    let tool = tool.arg("--plug").arg(handler);
    tool.arg("--output").arg(&file).run().succeeded();
    Composed {
        _directory: directory,
        file,
        said: String::new(),
    }
}

const GUARDED: [&str; 2] = ["--env", "TOKEN=secret"];

fn token(request: Request) -> Request {
    request.header("authorization", "Bearer secret")
}

/// What a handler answers is the same with and without guards, but for those who
/// have no token.
#[test]
fn a_guard_hands_requests_on_untouched_or_answers_itself() {
    let app = server::component("app");
    let plain = Server::serving_file(&app, &[]);
    for guards in [1, 3] {
        let guarded = guarded(&app, guards);
        let server = Server::serving_file(&guarded.file, &GUARDED);
        let refused = server.ask(&Request::get("/"));
        assert_eq!(
            (refused.status, refused.text()),
            (401, "a token is needed\n".into())
        );
        assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
        assert_eq!(refused.header("content-length"), Some("18"));
        let head = server.ask(&Request::new("HEAD", "/"));
        assert_eq!((head.status, head.body.len()), (401, 0));
        // Its body is not read, and the client hears of it all the same.
        let upload = Request::post("/sum", Body::Length(1 << 20));
        assert_eq!(server.ask(&upload).status, 401);

        for request in [
            Request::get("/bytes/100000"),
            Request::get("/reflect?a=b%20c").header("x-one", "1"),
            Request::new("HEAD", "/bytes/10"),
            Request::get("/trailers"),
            Request::get("/nothing"),
            Request::get("/stream/300000/7000"),
            Request::post("/sum", Body::Chunks(200_000, 999, &[("x-end", "of it")])),
            Request::post("/echo", Body::Length(3 << 20)),
        ] {
            let request = token(request);
            let (there, here) = (server.ask(&request), plain.ask(&request));
            assert_eq!(
                there.summary(),
                here.summary(),
                "{guards} before {request:?}"
            );
        }
        // What breaks behind it breaks as ever.
        assert_eq!(server.ask(&token(Request::get("/panic"))).status, 500);
        assert_eq!(
            server.ask(&token(Request::get("/panic-late"))).end,
            End::BrokenOff
        );
    }
    let without = Server::serving_file(&guarded(&app, 1).file, &[]);
    let refused = without.ask(&token(Request::get("/")));
    assert_eq!(
        (refused.status, refused.text()),
        (500, "the variable TOKEN is not set\n".into())
    );
}

/// What comes of a snapshot can be composed, and not the other way round.
#[test]
fn a_handler_is_pre_initialised_before_it_is_composed() {
    let composed = guarded(&server::component("hello"), 1);
    let said = Tool::new("preinit").arg(&composed.file).run().failed(1);
    assert_says(
        &said,
        &["is composed of several components", "the handler by itself"],
    );
    let directory = tempfile::TempDir::new().unwrap();
    let begun = preinit::begun("hello", directory.path(), &[]);
    let server = Server::serving_file(&guarded(&begun, 1).file, &GUARDED);
    assert_eq!(server.ask(&Request::get("/")).status, 401);
    let answer = server.ask(&token(Request::get("/")));
    assert_eq!(
        (answer.status, answer.text()),
        (200, "Hello, World!".into())
    );
}

/// Crates at their real job against real servers, and a handler, all composed: the
/// matrix has them, and more.
fn the_matrix_passes(setting: &str) {
    let home = repository_home();
    let out = home.join("matrix").join(setting);
    let rows = ["axum as a handler", "redis", "reqwest 0.13", "timers"];
    let mut tool = Tool::new("matrix").arg("--out").arg(&out);
    for row in rows {
        tool = tool.arg("--only").arg(format!("{row}/patched/{setting}"));
    }
    let shown = tool.run().succeeded();
    let results = std::fs::read_to_string(out.join("matrix.json")).unwrap();
    let results: serde_json::Value = serde_json::from_str(&results).unwrap();
    let cells = results["cells"].as_array().unwrap();
    assert_eq!(cells.len(), rows.len(), "{shown}");
    for cell in cells {
        assert_eq!(cell["outcome"], "passes", "{cell:#}");
        let steps = cell["steps"].to_string();
        assert_says(&steps, &["cargo wasip2 compose"]);
    }
}

#[test]
fn composed_crates_do_their_job_in_the_built_in_host() {
    the_matrix_passes("composed-builtin");
}

#[test]
#[cfg_attr(
    not(has_wasmtime),
    ignore = "needs Python with pip, or `wasmtime` on PATH"
)]
fn composed_crates_do_their_job_in_wasmtime() {
    bring_wasmtime();
    the_matrix_passes("composed-wasmtime");
}

#[test]
#[cfg_attr(not(has_node), ignore = "needs Node.js 20 or newer with npm")]
fn composed_crates_do_their_job_in_jco() {
    the_matrix_passes("composed-jco");
}

/// A clock whose `now` gives half of what it has to give.
const OTHER_SHAPE: &str = r#"(component
    (core module $module (func (export "now") (result i32) (i32.const 0)))
    (core instance $instance (instantiate $module))
    (func $now (result u32) (canon lift (core func $instance "now")))
    (instance $clock (export "now" (func $now)))
    (export "wasi:clocks/monotonic-clock@0.2.0" (instance $clock)))"#;

#[test]
fn what_is_composed_wrongly_is_told() {
    let probe = component("run", "stand_ins", &[]);
    let end = component("run", "end", &[]);
    let directory = tempfile::TempDir::new().unwrap();
    let output = directory.path().join("composed.wasm");

    let listed = compose(&probe, &["http-allowlist"]);
    assert_says(&listed.said, &["Imported wasi:http/outgoing-handler@0.2"]);

    let skipped = composing(&end, &["http-allowlist"], &output);
    assert_says(
        &skipped.failed(1),
        &["`wasi:http/outgoing-handler@0.2.0` of http-allowlist.wasm would be skipped"],
    );
    let half = composing(&probe, &["half-network"], &output);
    assert_says(
        &half.failed(1),
        &["the resource `network` of `wasi:sockets/network", "as well"],
    );
    let nothing = composing(&probe, &["end"], &output);
    assert_says(&nothing.failed(1), &["exports no interface"]);
    let shape = directory.path().join("other-shape.wasm");
    std::fs::write(&shape, wat::parse_str(OTHER_SHAPE).unwrap()).unwrap();
    let with = |component: &Path, plug: &Path| {
        let tool = Tool::new("compose").arg(component).arg("--plug").arg(plug);
        tool.arg("--output").arg(&output).run()
    };
    assert_says(
        &with(&probe, &shape).failed(1),
        &[
            "`wasi:clocks/monotonic-clock@0.2.0` of other-shape.wasm is not what stand_ins.wasm",
            "built for the same version of it",
        ],
    );
    let app = server::component("app");
    assert_says(
        &with(&app, &server::component("guard")).failed(1),
        &[
            "of guard.wasm would be skipped",
            "put them the other way round",
        ],
    );
    let missing = Tool::new("compose")
        .arg(&probe)
        .args(["--plug", "missing.wasm"]);
    assert_says(
        &missing.run().failed(1),
        &["missing.wasm could not be read"],
    );
    assert!(!output.exists());
}
