//! Verbs that are ended in the middle: by Ctrl-C they leave what they change as
//! it was or done, and whatever a kill leaves, the next run makes as if nothing
//! had been.
//!
//! The process is traced, and gets its signal just before one step: a call by
//! which its main thread changes a file, or has begun a program. A few steps are
//! tried, the same each time, so that a change is told from bad luck;
//! `WASIP2_SEED` has others drawn, and `WASIP2_STEPS=all` tries every one, or
//! `WASIP2_STEPS=100-199` those.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use walkdir::WalkDir;

use crate::matrix::Small;
use crate::sample::Sample;
use crate::server::component;
use crate::setup::{Archive, Machine};
use crate::tool::{Ended, Tool};

/// How many steps of a verb are tried with each signal.
const DRAWN: usize = 5;

/// How many where each try takes seconds.
const DRAWN_OF_SLOW: usize = 2;

/// A verb, and what it changes.
pub struct Trial<'a> {
    pub name: &'a str,
    /// The command.
    pub command: &'a dyn Fn() -> Command,
    /// The next run, where the command was ended.
    pub again: &'a dyn Fn() -> Command,
    /// Where it changes anything.
    pub places: Vec<PathBuf>,
    /// What of that Ctrl-C leaves as it was, unless the verb had come to its end.
    pub kept: Vec<PathBuf>,
    /// How many steps are tried with each signal.
    pub drawn: usize,
    /// A component that is another one each time: it has to be whole.
    pub varies: Option<PathBuf>,
}

impl Trial<'_> {
    /// Tries the steps.
    pub fn run(&self) {
        let originals = tempfile::TempDir::new().unwrap();
        for (number, place) in self.places.iter().enumerate() {
            copy(place, &originals.path().join(number.to_string()));
        }
        let restore = || {
            for (number, place) in self.places.iter().enumerate() {
                let _ = fs::remove_dir_all(place);
                copy(&originals.path().join(number.to_string()), place);
            }
        };
        let before = content(&self.kept);
        let ended = step((self.command)(), usize::MAX, Signal::SIGKILL);
        let Ran::ToItsEnd(steps, ended) = ended else {
            unreachable!("no process has so many steps")
        };
        ended.succeeded();
        let done = self.done();
        for signal in [Signal::SIGKILL, Signal::SIGINT] {
            for number in drawn(steps, self.drawn, signal as u64) {
                restore();
                let case = format!("{}: {signal} at step {number} of {steps}", self.name);
                println!("{case}");
                let ended = match step((self.command)(), number, signal) {
                    Ran::ToItsEnd(_, ended) | Ran::Ended(ended) => ended,
                };
                match ended.code {
                    // It was over, but for what it says.
                    Some(0) => {}
                    Some(130) => same(&content(&self.kept), &before, &case),
                    None if signal == Signal::SIGKILL => {}
                    // It had not begun.
                    None => same(&content(&self.kept), &before, &case),
                    code => panic!("{case}: it ended with {code:?}: {}", ended.stderr),
                }
                let again = Ended::from((self.again)().output().unwrap());
                assert_eq!(again.code, Some(0), "{case}: {}", again.stderr);
                same(&self.done(), &done, &case);
            }
        }
    }

    /// What there is when the verb has come to its end.
    fn done(&self) -> Content {
        let mut done = content(&self.places);
        if let Some(file) = &self.varies {
            whole_component(file);
            done.remove(file);
        }
        done
    }
}

/// The numbers of the steps that are tried.
fn drawn(steps: usize, count: usize, kind: u64) -> Vec<usize> {
    if let Ok(wanted) = std::env::var("WASIP2_STEPS") {
        let number = |text: &str| text.parse().expect("WASIP2_STEPS is `all` or FIRST-LAST");
        return match wanted.split_once('-') {
            Some((first, last)) => (number(first)..steps.min(number(last) + 1)).collect(),
            None if wanted == "all" => (0..steps).collect(),
            None => vec![number(&wanted)],
        };
    }
    let given = std::env::var("WASIP2_SEED").ok();
    let seed: u64 = given.and_then(|seed| seed.parse().ok()).unwrap_or(1);
    println!("WASIP2_SEED={seed}");
    let part = steps.div_ceil(count).max(1);
    (0..steps)
        .step_by(part)
        .map(|from| {
            let mut hasher = DefaultHasher::new();
            (seed, kind, from).hash(&mut hasher);
            from + hasher.finish() as usize % part.min(steps - from)
        })
        .collect()
}

/// How a command came to its end.
enum Ran {
    /// By itself, after so many steps.
    ToItsEnd(usize, Ended),
    /// By the signal.
    Ended(Ended),
}

/// Runs `command`, and all that it starts gets `signal` just before step
/// `number`.
fn step(command: Command, number: usize, signal: Signal) -> Ran {
    let mut child = waiting(&command);
    let process = Pid::from_raw(child.id() as i32);
    ptrace::seize(
        process,
        Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACEEXEC,
    )
    .unwrap();
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    ptrace::interrupt(process).unwrap();
    let (mut steps, mut begun, mut entering) = (0, false, false);
    loop {
        let mut pass_on = None;
        match waitpid(process, None).unwrap() {
            WaitStatus::PtraceEvent(_, _, libc::PTRACE_EVENT_EXEC) => {
                // What follows is the end of that call.
                (begun, entering) = (true, true);
            }
            WaitStatus::PtraceSyscall(_) => {
                entering = !entering;
                if begun && entering && changes(process) {
                    if steps == number {
                        killpg(process, signal).unwrap();
                        let _ = ptrace::detach(process, None);
                        return Ran::Ended(child.wait_with_output().unwrap().into());
                    }
                    steps += 1;
                }
            }
            WaitStatus::Stopped(_, signal) => pass_on = Some(signal),
            WaitStatus::Exited(_, code) => {
                let mut ended = Ended::from(output(child));
                ended.code = Some(code);
                return Ran::ToItsEnd(steps, ended);
            }
            WaitStatus::Signaled(_, signal, _) => panic!("it was ended by {signal}"),
            _ => {}
        }
        let _ = ptrace::syscall(process, pass_on);
    }
}

/// What is left to read of a process that was waited for.
fn output(mut child: Child) -> std::process::Output {
    use std::io::Read;
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    child
        .stdout
        .take()
        .unwrap()
        .read_to_end(&mut stdout)
        .unwrap();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_end(&mut stderr)
        .unwrap();
    std::process::Output {
        status: std::process::ExitStatus::default(),
        stdout,
        stderr,
    }
}

/// Starts a shell that becomes the command once it reads a line.
fn waiting(command: &Command) -> Child {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "read line; exec \"$@\"", "sh"])
        .arg(command.get_program())
        .args(command.get_args())
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        shell.current_dir(directory);
    }
    shell.spawn().unwrap()
}

/// Whether the call that the process is at changes something that others see.
fn changes(process: Pid) -> bool {
    let registers = ptrace::getregs(process).unwrap();
    match registers.orig_rax as i64 {
        libc::SYS_openat => registers.rdx as i32 & libc::O_CREAT != 0,
        // Not what is said to a person.
        libc::SYS_write => registers.rdi > 2,
        libc::SYS_rename
        | libc::SYS_renameat
        | libc::SYS_renameat2
        | libc::SYS_unlink
        | libc::SYS_unlinkat
        | libc::SYS_mkdir
        | libc::SYS_rmdir
        | libc::SYS_symlink
        | libc::SYS_chmod
        | libc::SYS_fchmod
        | libc::SYS_fsync
        | libc::SYS_copy_file_range
        // A program was begun.
        | libc::SYS_poll
        | libc::SYS_wait4
        | libc::SYS_waitid => true,
        _ => false,
    }
}

/// What git, apt and locks keep for themselves, what is built and what cargo was
/// asked by: it does not count.
const APART: [&str; 5] = [
    "fetch",
    "locks",
    "pkgcache.bin",
    "srcpkgcache.bin",
    "target",
];

/// Each file below these, but for [`APART`]: its mode, and a digest of what is in
/// it.
type Content = BTreeMap<PathBuf, (u32, u64)>;

fn content(places: &[PathBuf]) -> Content {
    let mut content = Content::new();
    for place in places {
        let entries = WalkDir::new(place)
            .into_iter()
            .filter_entry(|entry| !APART.contains(&&*entry.file_name().to_string_lossy()));
        for entry in entries.map(|entry| entry.unwrap()) {
            let path = entry.path();
            let in_git = path.components().any(|part| part.as_os_str() == ".git");
            let ours = ["json", "toml"]
                .iter()
                .any(|it| path.extension().is_some_and(|e| e == *it));
            let head = path.ends_with("refs/heads/main") || path.ends_with("refs/heads/wasip2");
            if in_git && !ours && !head {
                continue;
            }
            let mut hasher = DefaultHasher::new();
            if entry.file_type().is_file() {
                let bytes = fs::read(path).unwrap();
                let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
                if path.ends_with(".cargo/config.toml") {
                    // Entries that were there when it began come first.
                    lines.retain(|line| !line.is_empty());
                    lines.sort_unstable();
                }
                if path
                    .extension()
                    .is_some_and(|extension| extension == "json")
                {
                    // How long a cell of the matrix took.
                    lines.retain(|line| !line.starts_with(b"  \"seconds\": "));
                }
                lines.hash(&mut hasher);
            } else if entry.file_type().is_symlink() {
                fs::read_link(path).unwrap().hash(&mut hasher);
            }
            let mode = fs::symlink_metadata(path).unwrap().permissions().mode();
            content.insert(path.to_owned(), (mode, hasher.finish()));
        }
    }
    content
}

#[track_caller]
fn same(found: &Content, wanted: &Content, case: &str) {
    let differs = |one: &Content, other: &Content| -> Vec<PathBuf> {
        let differing = one.iter().filter(|(path, of)| other.get(*path) != Some(of));
        differing.map(|(path, _)| path.clone()).collect()
    };
    let (more, less) = (differs(found, wanted), differs(wanted, found));
    assert!(
        more.is_empty() && less.is_empty(),
        "{case}: it is not as it should be\n  there: {more:#?}\n  wanted: {less:#?}"
    );
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(status.unwrap().success());
}

#[test]
fn apply() {
    let sample = Sample::new();
    sample.second_line();
    let home = sample.path("home");
    fs::remove_dir_all(&home).unwrap();
    fs::create_dir(&home).unwrap();
    let command = || sample.tool("apply").into_command();
    let trial = Trial {
        name: "apply",
        command: &command,
        again: &command,
        places: vec![home],
        kept: Vec::new(),
        drawn: DRAWN,
        varies: None,
    };
    trial.run();
}

#[test]
fn init_and_its_removal() {
    let sample = Sample::new();
    let program = sample.program("1");
    sample.cargo(&program, &["update", "--quiet"]);
    let old = [
        "update",
        "--quiet",
        "--package",
        "sample",
        "--precise",
        "1.0.0",
    ];
    sample.cargo(&program, &old);
    fs::create_dir(program.join(".cargo")).unwrap();
    fs::write(program.join(".cargo/config.toml"), "[alias]\nr = \"run\"\n").unwrap();
    let init = || sample.tool("init").arg(&program).into_command();
    let remove = || {
        sample
            .tool("init")
            .arg(&program)
            .arg("--remove")
            .into_command()
    };
    for (name, command) in [
        ("init", &init as &dyn Fn() -> Command),
        ("init --remove", &remove),
    ] {
        let trial = Trial {
            name,
            command,
            again: command,
            places: vec![program.clone(), sample.path("home")],
            kept: vec![program.clone()],
            drawn: DRAWN,
            varies: None,
        };
        trial.run();
    }
}

#[test]
fn branch() {
    let sample = Sample::new();
    let words = ["sample", "--split", "--pr", "--patches"];
    let command = || {
        let tool = sample
            .tool("branch")
            .args(words)
            .arg(sample.path("patches"));
        tool.into_command()
    };
    let trial = Trial {
        name: "branch",
        command: &command,
        again: &command,
        places: vec![sample.path("home")],
        kept: Vec::new(),
        drawn: DRAWN,
        varies: None,
    };
    trial.run();
}

/// The other line takes the patch from this one.
#[test]
fn bump() {
    let sample = Sample::new();
    sample.second_line();
    let other = sample.path("patches/sample/2.1");
    fs::remove_file(other.join("0001-say-patched.patch")).unwrap();
    let file = other.join("series.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text + "\n[patch.0001]\nsame-as = \"1.2/0001\"\n").unwrap();
    sample.publish_changed("1.3.0", &[("Adds one.", "Adds just one.")]);
    let command = || sample.tool("bump").arg("sample@1.2").into_command();
    let again = || {
        let bump = sample.tool("bump");
        let under_way = fs::read_dir(sample.path("home/bump")).is_ok_and(|mut entries| {
            entries.any(|entry| entry.unwrap().file_name() == "sample@1.2")
        });
        // What was done needs no second time.
        let done = sample.path("patches/sample/1.3").is_dir();
        match (under_way, done) {
            (true, _) => bump.arg("--continue").into_command(),
            (false, false) => bump.arg("sample@1.2").into_command(),
            (false, true) => bump.arg("sample@1.3").into_command(),
        }
    };
    let trial = Trial {
        name: "bump",
        command: &command,
        again: &again,
        places: vec![sample.path("home"), sample.path("patches")],
        kept: Vec::new(),
        drawn: DRAWN,
        varies: None,
    };
    trial.run();
}

#[test]
fn setup_from_packages() {
    let machine = Machine::new(&Archive::default());
    let home = machine.path("the home");
    fs::create_dir(&home).unwrap();
    let command = || machine.command(&[]);
    let trial = Trial {
        name: "setup from packages",
        command: &command,
        again: &command,
        places: vec![home, machine.rustlib()],
        kept: vec![machine.rustlib()],
        drawn: DRAWN,
        varies: None,
    };
    trial.run();
}

#[test]
fn setup_by_rustup() {
    let machine = Machine::new(&Archive::default());
    machine.install_rustup(
        "mkdir -p wasm32-wasip2/lib && echo std > wasm32-wasip2/lib/libstd-1.rlib\n\
         echo file:lib/rustlib/wasm32-wasip2/lib/libstd-1.rlib > \
         manifest-rust-std-wasm32-wasip2\n\
         echo rust-std-wasm32-wasip2 > components\n",
    );
    let home = machine.path("the home");
    fs::create_dir(&home).unwrap();
    let command = || machine.command(&["--from", "rustup"]);
    let trial = Trial {
        name: "setup by rustup",
        command: &command,
        again: &command,
        places: vec![home, machine.rustlib()],
        // What rustup does is its own.
        kept: Vec::new(),
        drawn: DRAWN,
        varies: None,
    };
    trial.run();
}

/// Panics unless all of a component is there.
fn whole_component(file: &Path) {
    let wasm = fs::read(file).unwrap();
    for payload in wasmparser::Parser::new(0).parse_all(&wasm) {
        payload.unwrap();
    }
}

#[test]
fn preinit() {
    let component = component("hello");
    let directory = tempfile::TempDir::new().unwrap();
    let place = directory.path().join("place");
    fs::create_dir(&place).unwrap();
    fs::write(place.join("hello.wasm"), "an older one").unwrap();
    let command = || {
        let preinit = Tool::new("preinit").arg("--output");
        let preinit = preinit.arg(place.join("hello.wasm")).arg(&component);
        preinit.into_command()
    };
    let trial = Trial {
        name: "preinit",
        command: &command,
        again: &command,
        places: vec![place.clone()],
        kept: vec![place.clone()],
        drawn: DRAWN_OF_SLOW,
        varies: Some(place.join("hello.wasm")),
    };
    trial.run();
}

/// What a run has done is kept, whatever ends it.
#[test]
fn matrix() {
    let small = Small::new();
    let home = small.sample.path("home");
    let command = || {
        let matrix = small.matrix().args(["--only", "good/patched/async"]);
        matrix.arg("--out").arg(small.out("cut")).into_command()
    };
    let trial = Trial {
        name: "matrix",
        command: &command,
        again: &command,
        places: vec![home, small.sample.path("patches")],
        kept: vec![small.sample.path("patches")],
        drawn: DRAWN_OF_SLOW,
        varies: None,
    };
    trial.run();
}
