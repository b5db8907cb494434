//! Code that blocks while tasks run, natively and in a component, where all of
//! it shares a single stack, or, with threads, blocking tasks have stacks of their
//! own.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::tool::{self, Tool, assert_says};

/// What the program prints natively, within a minute.
fn natively(what: &str) -> String {
    let mut child = Command::new(tool::native("guests", "probes", "one_stack"))
        .arg(what)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() && begun.elapsed() < Duration::from_secs(60) {
        thread::sleep(Duration::from_millis(10));
    }
    // It prints a line or two, which the pipe holds.
    let _ = child.kill();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{what}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn host(what: &str, timeout: &str) -> Tool {
    let component = tool::component("run", "one_stack", &[]);
    Tool::new("host")
        .args(["--timeout", timeout])
        .arg(component)
        .arg(what)
}

#[test]
fn what_can_go_on_does_as_natively() {
    for what in [
        "identity",
        "held-up",
        "two-runtimes",
        "shutdown",
        "requests",
        "server",
    ] {
        assert_eq!(host(what, "60").run().succeeded(), natively(what), "{what}");
    }
}

#[test]
fn what_cannot_go_on_says_what_holds_it_up() {
    for what in ["bridges", "channel", "main-is-finished"] {
        natively(what);
        let said = host(what, "60").run().failed(134);
        assert_says(
            &said,
            &[
                "deadlock: what blocks at ",
                " cannot go on before what blocks at ",
            ],
        );
    }
}

#[test]
fn what_is_held_up_is_said_once() {
    for what in ["held-up", "channel-beside-timer"] {
        let said = host(what, "5").run().stderr;
        let lines = said
            .lines()
            .filter(|line| line.starts_with("tokio: what blocks at "));
        assert_eq!(lines.count(), 1, "{what}: {said}");
    }
}

fn with_threads(program: &str, what: &str) -> Tool {
    let component = tool::component("run", program, &["--threads"]);
    Tool::new("host")
        .args(["--timeout", "60"])
        .arg(component)
        .arg(what)
}

#[test]
fn all_of_it_is_as_natively_with_threads() {
    for what in [
        "identity",
        "bridges",
        "channel",
        "channel-beside-timer",
        "held-up",
        "main-is-finished",
        "two-runtimes",
        "shutdown",
        "requests",
        "server",
    ] {
        let ended = with_threads("one_stack", what).run();
        // Nothing is held up by anything else.
        assert!(
            !ended.stderr.contains("tokio: "),
            "{what}: {}",
            ended.stderr
        );
        assert_eq!(ended.succeeded(), natively(what), "{what}");
    }
}

#[test]
fn what_ends_a_program_with_threads_says_why() {
    for (what, said) in [
        (
            "lock",
            "a lock of the standard library must not be held where a blocking task blocks",
        ),
        (
            "deadlock",
            "there is nothing that could wake any of it: what blocks at ",
        ),
        (
            "overflow",
            "a closure used more than the 256 KiB of the stack that it ran on",
        ),
    ] {
        assert_says(&with_threads("stacks", what).run().failed(134), &[said]);
    }
}

/// The names that the shim has for the built-ins are those of this toolchain.
#[test]
fn the_shim_switches_stacks() {
    let host = format!("{} wasip2 host", tool::program("host").display());
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["test", "--target", "wasm32-wasip2", "--tests"])
        .current_dir(tool::repository().join("vendor-shims/wasi-cooperative-threads"))
        .env(
            "CARGO_TARGET_DIR",
            tool::repository_home().join("shim-tests/threads"),
        )
        .env("CARGO_TARGET_WASM32_WASIP2_RUNNER", host)
        .env(
            "CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS",
            "--cfg wasip2_threads -Clink-arg=--export-table",
        )
        .env("CARGO_WASIP2_HOME", tool::repository_home())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_says(
        &String::from_utf8_lossy(&output.stdout),
        &["there_and_back ... ok"],
    );
}

#[test]
fn a_host_without_threads_says_so() {
    let component = tool::component("run", "one_stack", &["--threads"]);
    for (flags, said) in [
        (
            ["--host", "jco"],
            "has threads (`cargo wasip2 init --threads`), which jco does not have",
        ),
        (
            ["--mode", "sync"],
            "they need a host that waits on an event loop",
        ),
    ] {
        let refused = Tool::new("host").args(flags).arg(&component).arg("channel");
        assert_says(&refused.run().failed(1), &[said]);
    }
}
