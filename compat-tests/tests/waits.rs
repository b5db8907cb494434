//! Everything that a runtime waits for, in one place: sockets, names, timers,
//! the standard streams and bare pollables.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use wasip2_fixtures::{HttpServer, cases};

use crate::tool::{self, Ended, Tool, assert_says, program, repository, repository_home};

/// The wasi-libc variants and the host's modes that waiting differs between.
const WORLDS: [(&str, &str); 4] = [
    ("ec0effd", "async"),
    ("ec0effd", "sync"),
    ("161b319", "async"),
    ("161b319", "sync"),
];

/// Seconds that the long program runs; more in a thorough run.
fn seconds() -> u64 {
    match std::env::var("WASIP2_TEST_SECONDS") {
        Ok(seconds) => seconds.parse().expect("WASIP2_TEST_SECONDS is a number"),
        Err(_) => 5,
    }
}

/// Builds the guest `name` for one wasi-libc.
fn component(name: &str, libc: &str) -> PathBuf {
    tool::component("run", name, &["--libc", libc])
}

/// The host with `rights`, for a component.
fn host(rights: &[&str], component: &Path, arguments: &[&str]) -> Tool {
    Tool::new("host")
        .args(["--timeout", "300"])
        .args(rights)
        .arg(component)
        .args(arguments)
}

/// The number that follows `word` in what a guest printed.
fn number(said: &str, word: &str) -> u64 {
    let words: Vec<&str> = said.split_whitespace().collect();
    let at = words.iter().position(|found| *found == word);
    let at = at.unwrap_or_else(|| panic!("`{word}` is not in {said:?}"));
    words[at + 1].parse().unwrap()
}

/// What the host counted.
fn statistics(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Starts a tool with pipes for its streams.
fn start(tool: Tool) -> Child {
    tool.into_command()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn ended(child: Child) -> Ended {
    child.wait_with_output().unwrap().into()
}

#[test]
fn everything_is_waited_for_in_one_call_of_the_host() {
    let directory = tempfile::TempDir::new().unwrap();
    for (libc, mode) in WORLDS {
        let component = component("one-wait", libc);
        let counted = directory.path().join("statistics");
        let seconds = seconds().to_string();
        let tool = host(
            &["--network", "--name-lookup", "--mode", mode, "--statistics"],
            &counted,
            &[],
        )
        .arg(&component)
        .arg(&seconds);
        let mut child = start(tool);
        let mut stdin = child.stdin.take().unwrap();
        for line in 0..20 {
            writeln!(stdin, "{line}").unwrap();
            std::thread::sleep(Duration::from_millis(100));
        }
        drop(stdin);
        let said = ended(child).succeeded();
        println!("{libc} {mode}: {said}");

        assert_eq!(number(&said, "lines"), 20);
        let ticks = number(&said, "ticks");
        assert!(ticks >= seconds.parse::<u64>().unwrap() * 100, "{said}");
        // How late a tick may be is a matter of how busy the machine is; that
        // it is mostly in time is not.
        assert!(number(&said, "late") * 2 < ticks, "{said}");
        for word in ["echoes", "lookups", "pollables"] {
            assert!(number(&said, word) >= 10, "{word}: {said}");
        }

        // Apart from the self-test's, a poll for each time that the runtime
        // parks, or looks at its driver between tasks.
        let counted = statistics(&counted);
        let parks = number(&said, "parks");
        let polls = counted["polls"].as_u64().unwrap();
        assert!(polls >= parks, "{polls} {said}");
        assert!(polls <= parks + parks / 20 + 10, "{polls} {said}");
        assert_eq!(counted["blocks"], 0, "{said}");
    }
}

/// How many operations are under way at once, of those that are cancelled.
const AT_ONCE: u64 = 8;

/// Cancels so many operations in `component` with this seed; gives back how
/// many resources were left.
fn cancel(component: &Path, flags: &[&str], count: u64, seed: u64, url: &str) -> u64 {
    let directory = tempfile::TempDir::new().unwrap();
    let counted = directory.path().join("statistics");
    let place = directory.path().join("place");
    fs::create_dir_all(&place).unwrap();
    let place = format!("{}::.", place.display());
    let limit = format!("{}s", 300 + count / 50);
    let tool = Tool::new("host")
        .args(["--timeout", &limit, "--network", "--name-lookup"])
        .args(["--dir", &place, "--http", "--statistics"])
        .arg(&counted)
        .args(flags)
        .arg(component)
        .args([count, seed, AT_ONCE].map(|number| number.to_string()))
        .arg(url);
    let started = Instant::now();
    let mut child = start(tool);
    // Standard input stays open and silent.
    let stdin = child.stdin.take();
    let ended = ended(child);
    drop(stdin);
    println!(
        "{} {flags:?}, {count} in {:?}, seed {seed}: {}",
        component.display(),
        started.elapsed(),
        ended.stderr
    );
    let said = ended.succeeded();
    assert_says(&said, &[&format!("{count} done")]);
    println!("{}", said.trim());
    // What an allocator keeps depends on when things ended.
    assert!(number(&said, "by") <= 8, "{said}");
    statistics(&counted)["resources"].as_u64().unwrap()
}

/// The short run has another seed each time, and says which. WASIP2_CANCEL and
/// WASIP2_CANCEL_SEED are another number of operations, by guests with
/// optimisation then, and a certain seed.
#[test]
fn what_is_cancelled_leaves_nothing_behind() {
    let told = |variable: &str| -> Option<u64> {
        let number = std::env::var(variable).ok()?;
        Some(number.parse().expect("it is a number"))
    };
    let many = told("WASIP2_CANCEL");
    let seed = told("WASIP2_CANCEL_SEED");
    let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(0) >> 32);
    let server = HttpServer::start(cases()).unwrap();
    let url = server.url();
    let component = |flags: &[&str]| {
        let release: &[&str] = if many.is_some() { &["--release"] } else { &[] };
        tool::component("run", "cancel", &[flags, release].concat())
    };
    let mut settings = vec![(component(&["--wasi", "0.3"]), vec![])];
    settings
        .extend(WORLDS.map(|(libc, mode)| (component(&["--libc", libc]), vec!["--mode", mode])));
    for (component, flags) in settings {
        let few = cancel(&component, &flags, 400, seed, &url);
        let many = cancel(&component, &flags, many.unwrap_or(4000), seed, &url);
        println!("{few} resources after few, {many} after many");
        assert_eq!(few, many, "{} {flags:?}, seed {seed}", component.display());
    }
}

#[test]
fn streams_carry_every_byte() {
    let input: Vec<u8> = (0..1_000_003u32).map(|at| (at % 253) as u8).collect();
    let pattern: Vec<u8> = (0..500_000u32).map(|at| (at % 251) as u8).collect();
    for (libc, mode) in WORLDS {
        let component = component("streams", libc);
        let mut child = start(host(&["--mode", mode], &component, &["copy"]));
        let mut stdin = child.stdin.take().unwrap();
        let sent = input.clone();
        let writer = std::thread::spawn(move || stdin.write_all(&sent).unwrap());
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(output.stdout == input, "{libc} {mode}");

        for way in ["write", "unflushed"] {
            let child = start(host(&["--mode", mode], &component, &[way, "500000"]));
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{output:?}");
            assert!(output.stdout == pattern, "{way}: {libc} {mode}");
        }
    }
}

#[test]
fn a_reader_that_is_slow_stops_nothing_else() {
    let pattern: Vec<u8> = (0..300_000u32).map(|at| (at % 251) as u8).collect();
    for mode in ["async", "sync"] {
        let component = component("streams", WORLDS[0].0);
        let mut child = start(host(
            &["--mode", mode],
            &component,
            &["slow-reader", "300000"],
        ));
        // A pipe holds less than what is being written to it, and no one reads.
        let mut ticks = [0; 9];
        let stderr = child.stderr.as_mut().unwrap();
        stderr.read_exact(&mut ticks).unwrap();
        assert_eq!(&ticks, b"20 ticks\n");
        drop(child.stdin.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(output.stdout == pattern, "{mode}");
    }
}

#[test]
fn a_reader_that_is_gone_is_an_error() {
    let component = component("streams", WORLDS[0].0);
    let mut child = start(host(&[], &component, &["write", "300000"]));
    drop(child.stdout.take());
    let said = ended(child).failed(1);
    assert_says(&said, &["BrokenPipe"]);
}

#[test]
fn what_is_refused_is_an_error_of_its_kind() {
    for (libc, mode) in WORLDS {
        let component = component("refused", libc);
        let refused = |rights: &[&str], what: &str| {
            let rights = [rights, &["--mode", mode]].concat();
            host(&rights, &component, &[what]).run()
        };
        let said = refused(&["--network"], "names").succeeded();
        assert_says(&said, &["names: PermissionDenied"]);
        let said = refused(&["--name-lookup"], "network").succeeded();
        assert_says(
            &said,
            &[
                "udp: PermissionDenied",
                "listen: PermissionDenied",
                "network: PermissionDenied",
            ],
        );
        let said = refused(&["--network"], "twice").succeeded();
        assert_says(&said, &["twice: AlreadyExists"]);
        assert_eq!(refused(&[], "pollable").succeeded(), "pollable: done\n");
        assert_eq!(refused(&[], "shared").succeeded(), "shared: done\n");
        let said = refused(&["--network"], "closed").succeeded();
        assert_says(&said, &["waits: TimedOut", "closed: done"]);
        let said = refused(&[], "deadlock").failed(134);
        assert_says(&said, &["deadlock: everything is waiting"]);
    }
}

#[test]
fn a_libc_that_cannot_wait_for_pollables_is_told_of() {
    let component = component("broken-libc", WORLDS[0].0);
    let said = host(&[], &component, &[]).run().succeeded();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    for line in lines {
        assert_says(
            line,
            &["Unsupported: this wasi-libc cannot wait for a pollable"],
        );
    }
}

#[test]
fn a_pollable_that_finds_no_room_is_dropped_once() {
    for (libc, mode) in WORLDS {
        let component = component("full-table", libc);
        let said = host(&["--mode", mode], &component, &[]).run().succeeded();
        let (first, drops) = said.split_once('\n').unwrap();
        assert_eq!(first, "OutOfMemory, dropped 1", "{said}");
        assert!((2..10).contains(&number(&format!("drops {drops}"), "drops")));
    }
}

/// As they are with wasi-libc since wasi-sdk 34: `poll(2)` does not fail.
#[test]
fn a_closed_descriptor_is_forgotten() {
    for (libc, mode) in WORLDS {
        let component = component("newer-libc", libc);
        let said = host(&["--network", "--mode", mode], &component, &[])
            .run()
            .succeeded();
        assert!(number(&said, "polls") < 20, "{said}");
        assert_says(&said, &["done"]);
    }
}

/// The libraries of a wasi-libc variant, brought here where they are not yet.
fn libraries(libc: &str) -> PathBuf {
    component("refused", libc);
    repository_home().join("libc").join(libc).join("lib")
}

/// Runs the shim's own tests with the wasi-libc in `libraries`; `target` is the
/// name of the directory where they are built.
fn shim_tests(libraries: &Path, target: &str, mode: &str, filter: &str) -> Ended {
    let tool = program("host");
    let tool = tool.display();
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["test", "--target", "wasm32-wasip2", "--tests", filter])
        .args(["--", "--nocapture"])
        .current_dir(repository().join("vendor-shims/wasi-pollable-fd"))
        .env(
            "CARGO_TARGET_DIR",
            repository_home().join("shim-tests").join(target),
        )
        .env(
            "CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS",
            format!("-Lnative={}", libraries.display()),
        )
        .env(
            "CARGO_TARGET_WASM32_WASIP2_RUNNER",
            format!("{tool} wasip2 host --network --mode {mode}"),
        )
        .output()
        .unwrap()
        .into()
}

#[test]
fn the_shim_passes_its_own_tests() {
    for (libc, mode) in WORLDS {
        let said = shim_tests(&libraries(libc), libc, mode, "").succeeded();
        assert_says(&said, &["other_calls_on_it_fail ... ok", "10 passed"]);
    }
}

/// A program links, and is told at run time.
#[test]
fn a_libc_without_private_functions_is_told_of() {
    for function in [
        "descriptor_table_insert",
        "__wasilibc_poll_add",
        "__wasilibc_poll_ready",
    ] {
        let directory = tempfile::TempDir::new().unwrap();
        for entry in fs::read_dir(libraries(WORLDS[0].0)).unwrap() {
            let path = entry.unwrap().path();
            let copy = directory.path().join(path.file_name().unwrap());
            fs::write(copy, without(&fs::read(path).unwrap(), function)).unwrap();
        }
        let ended = shim_tests(
            directory.path(),
            "without",
            "async",
            "a_timer_ends_the_wait",
        );
        // The test's panic ends the component.
        let said = ended.stdout + &ended.stderr;
        assert_says(
            &said,
            &[
                "kind: Unsupported",
                "cannot wait for a pollable through a file descriptor (it does not have the \
                 private functions for that)",
            ],
        );
    }
}

/// The library with another name for `function`, within it too.
fn without(library: &[u8], function: &str) -> Vec<u8> {
    let mut library = library.to_vec();
    let name = function.as_bytes();
    let mut at = 0;
    while let Some(found) = library[at..]
        .windows(name.len())
        .position(|window| window == name)
    {
        at += found + name.len();
        library[at - 1] = b'0';
    }
    library
}

#[test]
fn a_hundred_thousand_timers_are_over_when_they_are_due() {
    let component = component("timers", WORLDS[0].0);
    for mode in ["async", "sync"] {
        let said = host(&["--mode", mode], &component, &["100000"])
            .run()
            .succeeded();
        assert_says(&said, &["pending 100000\n", "over 100000 early 0\n"]);
        // How late the last ones come is a matter of how busy the machine is.
        println!("{mode}: {said}");
    }
}

#[cfg(unix)]
#[test]
fn a_host_without_descriptors_is_an_error_that_passes() {
    for (libc, mode) in WORLDS {
        let component = component("descriptors", libc);
        let host = host(&["--network", "--mode", mode], &component, &[]);
        let said: Ended = host.limited_to(100).output().unwrap().into();
        let said = said.succeeded();
        println!("{libc} {mode}: {said}");
        assert_says(
            &said,
            &[
                "more than 10 sockets: ",
                "connect: ",
                "listen: ",
                "still there\none more\n",
            ],
        );
    }
}
