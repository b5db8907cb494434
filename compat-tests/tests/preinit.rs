//! A component that has answered before it is deployed.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::jco;
use crate::server::{Request, Server, component};
use crate::tool::{self, Ended, Tool, assert_says};

/// `cargo wasip2 preinit` of `component` into `output`, with these flags.
fn preinit(component: &Path, output: &Path, flags: &[&str]) -> Ended {
    Tool::new("preinit")
        .args(flags)
        .arg("--output")
        .args([output, component])
        .run()
}

/// The server `name`, pre-initialised into a directory with these flags.
pub fn begun(name: &str, directory: &Path, flags: &[&str]) -> PathBuf {
    let output = directory.join(format!("{name}.preinit.wasm"));
    let said = preinit(&component(name), &output, flags).succeeded();
    assert_eq!(Path::new(said.trim()), output);
    output
}

#[test]
fn every_instance_begins_where_the_first_has_answered() {
    let directory = tempfile::TempDir::new().unwrap();
    let flags = ["--request", "POST /count", "--request", "POST /count"];
    let begun = Server::serving_file(&begun("app", directory.path(), &flags), &[]);
    let plain = Server::serving("app", &[]);
    for _ in 0..3 {
        // Each is an instance of its own, so that none sees another's count.
        let count = Request::new("POST", "/count");
        assert_eq!(plain.ask(&count).text(), "1");
        assert_eq!(begun.ask(&count).text(), "3");
    }
    assert_eq!(begun.ask(&Request::get("/done")).text(), "2");
}

/// The instances' clocks begin anew, and what is in their memory is from
/// before.
#[test]
fn timers_run_as_ever() {
    let directory = tempfile::TempDir::new().unwrap();
    let begun = begun("app", directory.path(), &[]);
    for flags in [&[][..], &["--max-instance-reuse-count", "1000"]] {
        let server = Server::serving_file(&begun, flags);
        for milliseconds in [1, 60, 200] {
            let since = Instant::now();
            let answer = server.ask(&Request::get(format!("/wait/{milliseconds}")));
            let took = since.elapsed();
            assert_eq!(answer.text(), format!("waited {milliseconds} ms"));
            let asked = Duration::from_millis(milliseconds);
            assert!(
                took >= asked && took < asked + Duration::from_secs(2),
                "{took:?}"
            );
        }
        // A time limit of 200 ms that is kept, and one that is not.
        let kept = server.ask(&Request::get("/impatient/100"));
        assert_eq!(kept.text(), "waited 100 ms");
        let over = server.ask(&Request::get("/impatient/2000"));
        assert_eq!(over.status, 408);
    }
}

#[test]
fn random_numbers_are_refused_unless_they_are_allowed() {
    let directory = tempfile::TempDir::new().unwrap();
    let output = directory.path().join("app.wasm");
    let random = ["--request", "/random"];
    let said = preinit(&component("app"), &output, &random).failed(1);
    assert_says(&said, &["drew random numbers", "--allow-random"]);
    assert!(!output.exists());

    let allowed = [&random[..], &["--allow-random"]].concat();
    let server = Server::serving_file(&begun("app", directory.path(), &allowed), &[]);
    // The host is asked for these, whatever is in memory.
    let draw = || server.ask(&Request::get("/random")).text();
    assert_ne!(draw(), draw());
}

#[test]
fn what_another_instance_has_not_is_refused() {
    let directory = tempfile::TempDir::new().unwrap();
    let output = directory.path().join("files.wasm");
    // It opens what it serves, with and without the right to.
    let files = component("files");
    let here = format!("{}::/", directory.path().display());
    for flags in [&[][..], &["--dir", &here]] {
        let said = preinit(&files, &output, flags).failed(1);
        assert_says(&said, &["1 file or directory of its host's", "--request"]);
    }
    // Standard error is one, once something was written to it.
    let said = preinit(&component("app"), &output, &["--request", "/log"]).failed(1);
    assert_says(&said, &["a request was made", "1 output stream"]);
    assert!(!output.exists());
}

/// A task outlives the response, and waits for a timer that never ends.
#[test]
fn a_task_is_not_waited_for_longer_than_it_may_linger() {
    let directory = tempfile::TempDir::new().unwrap();
    let begun = begun(
        "plain",
        directory.path(),
        &["--no-dir", "--request", "/later"],
    );
    let server = Server::serving_file(&begun, &[]);
    assert_eq!(server.ask(&Request::get("/")).status, 200);
}

#[test]
fn the_environment_is_kept_and_that_is_said() {
    let directory = tempfile::TempDir::new().unwrap();
    let output = directory.path().join("app.wasm");
    // It looks for FILES when it makes its routes.
    let told = ["--env", "FILES=/srv", "--env", "ALSO=kept"];
    let ended = preinit(&component("app"), &output, &told);
    assert_says(
        &ended.stderr,
        &["warning: ", "asked for its environment", "FILES, ALSO"],
    );
    assert_eq!(ended.code, Some(0));
    let kept = fs::read(&output).unwrap();
    assert!(kept.windows(9).any(|bytes| bytes == b"ALSO=kept"));
    // One that does not ask is not warned of.
    let ended = preinit(&component("hello"), &output, &told);
    assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
}

#[test]
fn a_component_that_does_not_answer_is_refused_and_nothing_is_written() {
    let directory = tempfile::TempDir::new().unwrap();
    let output = directory.path().join("app.wasm");
    fs::write(&output, "what was there").unwrap();
    let app = component("app");
    let ask = |request: &str| preinit(&app, &output, &["--timeout", "2s", "--request", request]);
    let said = ask("/panic").failed(134);
    assert_says(&said, &["told to panic", "trapped in `GET /panic`"]);
    let said = ask("/status/503").failed(1);
    assert_says(&said, &["`GET /status/503` with 503", "--request"]);
    let said = ask("/length/100/10").failed(1);
    assert_says(&said, &["the body of the response to `GET /length/100/10`"]);
    let said = ask("/compute").failed(124);
    assert_says(
        &said,
        &["had not ended `GET /compute` after 2s (--timeout)"],
    );
    let said = ask("/wait/10").failed(124);
    assert_says(&said, &["its clock stands still", "timer"]);
    let said = ask("wait").failed(2);
    assert_says(&said, &["a path begins with `/`"]);

    let program = tool::component("run", "demo", &[]);
    let said = preinit(&program, &output, &[]).failed(1);
    assert_says(&said, &["does not export `wasi:http/incoming-handler`"]);
    let said = preinit(Path::new("Cargo.toml"), &output, &[]).failed(1);
    assert_says(&said, &["is not WebAssembly"]);
    assert_eq!(fs::read_to_string(&output).unwrap(), "what was there");

    let said = preinit(&app, directory.path(), &[]).failed(1);
    assert_says(&said, &["is a directory"]);
}

#[test]
fn a_request_that_is_not_found_is_warned_of() {
    let directory = tempfile::TempDir::new().unwrap();
    let output = directory.path().join("deep/hello.wasm");
    let ended = preinit(&component("hello"), &output, &["--request", "/nothing"]);
    assert_says(
        &ended.stderr,
        &["warning: `GET /nothing` was answered with 404"],
    );
    assert_eq!(ended.code, Some(0));
    assert!(output.exists());
}

/// The example reads where to pass requests to when it makes its routes, and
/// passes the request on before; its instances do so without being told.
#[test]
fn a_proxy_remembers_where_it_passes_requests_to() {
    let upstream = Server::serving("hello", &[]);
    let directory = tempfile::TempDir::new().unwrap();
    let told = format!("UPSTREAM={}", upstream.url());
    let flags = ["--http", "--env", &told];
    let refused = preinit(&component("proxy"), &directory.path().join("x"), &flags);
    assert_says(&refused.failed(1), &["1 file or directory", "--no-dir"]);
    let flags = [&flags[..], &["--no-dir"]].concat();
    let proxy = begun("proxy", directory.path(), &flags);
    jco::serves(Server::serving_file(&proxy, &["--http"]));
}

/// A result can be begun with once more.
#[test]
fn the_result_is_a_component_like_another() {
    let directory = tempfile::TempDir::new().unwrap();
    let once = begun("hello", directory.path(), &[]);
    let twice = directory.path().join("twice.wasm");
    preinit(&once, &twice, &[]).succeeded();
    jco::serves(Server::serving_file(&twice, &[]));
}

#[test]
#[cfg_attr(not(has_node), ignore = "needs Node.js 20 or newer with npm")]
fn a_host_of_which_nothing_is_wasmtime_serves_it() {
    let directory = tempfile::TempDir::new().unwrap();
    let begun = begun("hello", directory.path(), &[]);
    jco::serves(Server::serving_file(&begun, &["--host", "jco"]));
}

/// Many at once, each of them an instance of its own.
#[test]
fn instances_that_begin_alike_do_not_share_anything() {
    let directory = tempfile::TempDir::new().unwrap();
    let server = Server::serving_file(&begun("app", directory.path(), &[]), &[]);
    thread::scope(|scope| {
        for client in 0..8 {
            let server = &server;
            scope.spawn(move || {
                for turn in 0..25 {
                    let text = format!("{client} {turn}");
                    let answer = server.ask(&Request::get(format!("/path/{client}/{turn}")));
                    assert_eq!(answer.status, 200, "{text}");
                    assert_eq!(
                        server.ask(&Request::new("POST", "/count")).text(),
                        "1",
                        "{text}"
                    );
                }
            });
        }
    });
}
