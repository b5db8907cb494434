//! The standard streams of std and of Tokio, which share their buffers, with and
//! without sockets among Tokio's features.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::tool::{self, Tool};

/// The package and the program, natively and as a component.
const PROGRAMS: [(&str, &str); 2] = [("stdio", "stdio"), ("probes", "stdio_with_net")];

fn host(program: &str) -> Command {
    let component = tool::component("run", program, &[]);
    Tool::new("host")
        .args(["--timeout", "60"])
        .arg(component)
        .into_command()
}

/// Both output streams, in the order in which they come.
fn written(mut command: Command, what: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("written");
    let file = File::options()
        .create(true)
        .append(true)
        .open(&path)
        .unwrap();
    let status = command
        .arg(what)
        .stdin(Stdio::null())
        .stdout(file.try_clone().unwrap())
        .stderr(file)
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
    fs::read_to_string(path).unwrap()
}

#[test]
fn all_orders_of_writes_are_kept() {
    for (package, program) in PROGRAMS {
        let native = Command::new(tool::native("guests", package, program));
        let (here, there) = (written(host(program), "write"), written(native, "write"));
        let differ = here
            .lines()
            .zip(there.lines())
            .find(|(one, two)| one != two);
        assert_eq!(differ, None, "{program}");
        assert_eq!(here.len(), there.len(), "{program}");
    }
}

#[test]
fn all_orders_of_writes_to_one_stream_are_kept_without_a_flush() {
    for (_, program) in PROGRAMS {
        let written = written(host(program), "write-without-flush");
        for mark in [false, true] {
            let numbers: Vec<u32> = written
                .split_whitespace()
                .filter(|word| *word != "|" && word.starts_with('e') == mark)
                .map(|word| word.trim_start_matches('e').parse().unwrap())
                .collect();
            assert!(numbers.len() > 1000, "{program}: {}", numbers.len());
            assert!(numbers.is_sorted(), "{program}: {numbers:?}");
        }
    }
}

/// What is said of each line, and of the end.
fn expected(lines: usize) -> Vec<String> {
    let order = (1..).flat_map(|count| {
        let by = |name| std::iter::repeat_n(name, count);
        by("std").chain(by("tokio"))
    });
    let lines = (0..lines).map(|line| format!("line {line}\n"));
    order
        .zip(lines.chain([String::new()]))
        .map(|(by, line)| format!("{by}: {line:?}"))
        .collect()
}

/// The writer waits for answers, so nothing may be left in a buffer.
#[test]
fn lines_from_a_pipe_that_stays_open() {
    for (_, program) in PROGRAMS {
        let mut child = host(program)
            .arg("read")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let lines: String = (0..30).map(|line| format!("line {line}\n")).collect();
        stdin.write_all(lines.as_bytes()).unwrap();

        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut expected = expected(30);
        let end = expected.pop();
        for line in expected {
            assert_eq!(said.next().unwrap().unwrap(), line, "{program}");
        }
        drop(stdin);
        assert_eq!(said.next().map(Result::unwrap), end, "{program}");
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn lines_from_a_file_and_from_nowhere() {
    let directory = tempfile::tempdir().unwrap();
    for count in [0, 30] {
        let path = directory.path().join("lines");
        let lines: String = (0..count).map(|line| format!("line {line}\n")).collect();
        fs::write(&path, lines).unwrap();
        for (_, program) in PROGRAMS {
            let output = host(program)
                .arg("read")
                .stdin(File::open(&path).unwrap())
                .output()
                .unwrap();
            assert!(output.status.success(), "{output:?}");
            let said = String::from_utf8(output.stdout).unwrap();
            assert_eq!(
                said.lines().collect::<Vec<_>>(),
                expected(count),
                "{program}"
            );
        }
    }
}
