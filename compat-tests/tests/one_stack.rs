//! Code that blocks while tasks run, natively and in a component, where all of
//! it shares a single stack.

use std::process::{Command, Stdio};

use crate::tool::{self, Tool, assert_says};

/// What the program prints natively.
fn natively(what: &str) -> String {
    let output = Command::new(tool::native("guests", "probes", "one_stack"))
        .arg(what)
        .stderr(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
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
