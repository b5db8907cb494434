//! The `wasmtime` command as the host, which `cargo wasip2 setup --wasmtime`
//! fetches.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use crate::jco::{portable, serves};
use crate::server::Server;
use crate::tool::{Ended, Tool, assert_says, bring_wasmtime, component};

/// A guest on it.
fn wasmtime(flags: &[&str], guest: &str, arguments: &[&str]) -> Tool {
    bring_wasmtime();
    Tool::new("host")
        .args(["--host", "wasmtime"])
        .args(flags)
        .arg(component("run", guest, &[]))
        .args(arguments)
}

#[test]
#[cfg_attr(
    not(has_wasmtime),
    ignore = "needs Python with pip, or `wasmtime` on PATH"
)]
fn it_does_what_the_host_of_this_tool_does() {
    bring_wasmtime();
    assert_eq!(portable("wasmtime"), portable("builtin"));
}

#[test]
#[cfg_attr(
    not(has_wasmtime),
    ignore = "needs Python with pip, or `wasmtime` on PATH"
)]
fn the_demo_gives_the_same_bytes_on_it() {
    bring_wasmtime();
    let demo = |host: &str| {
        Tool::new("run")
            .args(["--host", host, "--", "--requests", "5", "--bodies"])
            .run()
            .succeeded()
    };
    assert_eq!(demo("wasmtime"), demo("builtin"));
}

#[test]
#[cfg_attr(
    not(has_wasmtime),
    ignore = "needs Python with pip, or `wasmtime` on PATH"
)]
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
#[cfg_attr(
    not(has_wasmtime),
    ignore = "needs Python with pip, or `wasmtime` on PATH"
)]
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
    // Without the code that was kept it compiles for longer than that, and that
    // does not count: this is no matter of time.
    let said = wasmtime(&["--timeout", "100ms", "--no-cache"], "end", &["panic"]);
    assert_says(&said.run().failed(134), &["this program was told to panic"]);
}

#[test]
#[cfg_attr(
    not(has_wasmtime),
    ignore = "needs Python with pip, or `wasmtime` on PATH"
)]
fn a_handler_serves_on_it() {
    bring_wasmtime();
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
#[cfg_attr(
    not(has_wasmtime),
    ignore = "needs Python with pip, or `wasmtime` on PATH"
)]
fn what_it_cannot_refuse_or_grant_is_an_error() {
    bring_wasmtime();
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
