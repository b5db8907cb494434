//! The `wasmtime` command as the host, which `cargo wasip2 setup --wasmtime`
//! builds.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use wasip2_fixtures::{HttpServer, router};

use crate::jco::{portable, serves};
use crate::server::Server;
use crate::tool::{Ended, Tool, assert_says, component};

/// A guest on it.
fn wasmtime(flags: &[&str], guest: &str, arguments: &[&str]) -> Tool {
    Tool::new("host")
        .args(["--host", "wasmtime"])
        .args(flags)
        .arg(component("run", guest, &[]))
        .args(arguments)
}

#[test]
#[cfg_attr(not(has_wasmtime), ignore = "needs `cargo wasip2 setup --wasmtime`")]
fn it_does_what_the_host_of_this_tool_does() {
    assert_eq!(portable("wasmtime"), portable("builtin"));
}

#[test]
#[cfg_attr(not(has_wasmtime), ignore = "needs `cargo wasip2 setup --wasmtime`")]
fn the_demo_gives_the_same_bytes_on_it() {
    let demo = |host: &str| {
        Tool::new("run")
            .args(["--host", host, "--", "--requests", "5", "--bodies"])
            .run()
            .succeeded()
    };
    assert_eq!(demo("wasmtime"), demo("builtin"));
}

#[test]
#[cfg_attr(not(has_wasmtime), ignore = "needs `cargo wasip2 setup --wasmtime`")]
fn everything_is_waited_for_at_once_on_it() {
    let flags = ["--timeout", "60s", "--network", "--name-lookup"];
    let mut child = wasmtime(&flags, "one-wait", &["2"])
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
    assert_says(
        &ended.succeeded(),
        &["ticks", "echoes", "lookups", "lines 10"],
    );
}

#[test]
#[cfg_attr(not(has_wasmtime), ignore = "needs `cargo wasip2 setup --wasmtime`")]
fn a_guest_ends_on_it_as_it_does_elsewhere() {
    assert_eq!(
        wasmtime(&[], "end", &["well"]).run().succeeded(),
        "ended: well\n"
    );
    wasmtime(&[], "end", &["seven"]).run().failed(1);
    let said = wasmtime(&[], "end", &["panic"]).run().failed(134);
    assert_says(&said, &["this program was told to panic"]);
    for way in ["forever", "spin"] {
        wasmtime(&["--timeout", "2s"], "end", &[way])
            .run()
            .failed(124);
    }
}

#[test]
#[cfg_attr(not(has_wasmtime), ignore = "needs `cargo wasip2 setup --wasmtime`")]
fn a_guest_has_on_it_the_rights_that_it_is_given_and_no_other() {
    let server = HttpServer::start(router()).unwrap();
    let (address, url) = (server.address().to_string(), server.url() + "/wait/1/7");
    // A guest that imports wasi:http is not linked there without `--http`.
    for (arguments, without, with, said) in [
        (
            ["network", &*address],
            &["--http"][..],
            &["--http", "--network"][..],
            "connected\n",
        ),
        (
            ["names", "localhost:80"],
            &["--http", "--network"],
            &["--http", "--network", "--name-lookup"],
            "addresses: true\n",
        ),
        (
            ["get", &*url],
            &["--network", "--name-lookup"],
            &["--http"],
            "request 7 waited 1 ms\n",
        ),
        (
            ["env", "SECRET"],
            &["--http"],
            &["--http", "--env", "SECRET=told"],
            "told\n",
        ),
    ] {
        let ended = wasmtime(without, "rights", &arguments).run();
        assert_ne!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        assert_eq!(wasmtime(with, "rights", &arguments).run().succeeded(), said);
    }
}

#[test]
#[cfg_attr(not(has_wasmtime), ignore = "needs `cargo wasip2 setup --wasmtime`")]
fn a_handler_serves_on_it() {
    for reuse in ["1", "100"] {
        let flags = ["--host", "wasmtime", "--max-instance-reuse-count", reuse];
        serves(Server::serving("hello", &flags));
    }
}

#[test]
fn a_command_that_is_missing_is_asked_for() {
    let home = tempfile::TempDir::new().unwrap();
    let component = component("run", "end", &[]);
    let said = Tool::new("host")
        .args(["--host", "wasmtime"])
        .arg(component)
        .env("PATH", "")
        .env("CARGO_WASIP2_HOME", home.path())
        .run()
        .failed(1);
    assert_says(&said, &["`wasmtime` is not installed", "setup --wasmtime"]);
}

/// `wasmtime serve` cannot be kept from what it lets every guest do, and has
/// nothing for other certificates.
#[test]
#[cfg_attr(not(has_wasmtime), ignore = "needs `cargo wasip2 setup --wasmtime`")]
fn what_it_cannot_refuse_or_grant_is_an_error() {
    let serve = |flags: &[&str], program: &str| {
        Tool::new("serve")
            .args(["--host", "wasmtime"])
            .args(flags)
            .arg(crate::server::component(program))
            .run()
            .failed(1)
    };
    assert_says(&serve(&[], "proxy"), &["proxy.wasm", "`--http`"]);
    let authority = ["--http", "--http-ca", "authority.pem"];
    assert_says(&serve(&authority, "proxy"), &["`--http-ca`"]);
    assert_says(
        &serve(&["--stall-timeout", "1s"], "hello"),
        &["--stall-timeout"],
    );
    let said = wasmtime(&authority, "end", &["well"]).run().failed(1);
    assert_says(&said, &["`--http-ca`"]);
}
