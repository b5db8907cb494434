//! The tool under test, and what it said.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Once;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use wasip2_ground::bounded::{DATA, Kept};
use wasip2_ground::child;

/// How long a run may take. The longest ones build for minutes.
const LIMIT: Duration = Duration::from_secs(25 * 60);

/// How long its output may go on after that.
const REST: Duration = Duration::from_secs(60);

/// The repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the package is two floors below it")
}

/// The verbs that only a checkout has.
const LAB: [&str; 9] = [
    "test", "suite", "survey", "matrix", "bench", "faults", "branch", "bump", "lint",
];

/// The program that does `verb`: the one that users install, or the laboratory.
/// WASIP2_PROGRAMS is another directory with them, such as that of a build with
/// optimisation.
pub fn program(verb: &str) -> PathBuf {
    let lab = Path::new(env!("CARGO_BIN_EXE_wasip2-lab"));
    let lab = match std::env::var_os("WASIP2_PROGRAMS") {
        Some(directory) => repository().join(directory).join("wasip2-lab"),
        None => lab.to_owned(),
    };
    if LAB.contains(&verb) {
        return lab;
    }
    // cargo builds it for its own package's tests, to the same place.
    let tool = lab.with_file_name(format!("cargo-wasip2{}", std::env::consts::EXE_SUFFIX));
    assert!(
        tool.is_file(),
        "{} is not built: run `cargo wasip2 test`, or `cargo build` first",
        tool.display()
    );
    tool
}

/// Where the repository's own trees, guests and caches are.
pub fn repository_home() -> PathBuf {
    repository().join("target/wasip2")
}

/// A command line of the tool.
#[derive(Debug)]
pub struct Tool {
    command: Command,
}

/// How the tool ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; a signal shows as none.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Tool {
    /// The tool as `cargo wasip2` runs it in the repository.
    pub fn new(verb: &str) -> Tool {
        let mut command = Command::new(program(verb));
        command
            .arg("wasip2")
            .arg(verb)
            .current_dir(repository())
            .stdin(Stdio::null())
            .env("CARGO_WASIP2_SOURCE", repository())
            .env("CARGO_WASIP2_HOME", repository_home())
            // Set by cargo for this test, and not for a user.
            .env_remove("CARGO_MANIFEST_DIR")
            .env_remove("CARGO_TARGET_DIR");
        Tool { command }
    }

    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Tool {
        self.command.arg(argument);
        self
    }

    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Tool {
        self.command.args(arguments);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Tool {
        self.command.env(name, value);
        self
    }

    /// The command, to be started otherwise.
    pub fn into_command(self) -> Command {
        self.command
    }

    /// The command, with at most so many open descriptors.
    #[cfg(unix)]
    pub fn limited_to(self, descriptors: u32) -> Command {
        self.limited(&format!("-n {descriptors}"))
    }

    /// The command, with what `ulimit` makes of these words.
    #[cfg(unix)]
    pub fn limited(self, words: &str) -> Command {
        let mut limited = Command::new("sh");
        limited
            .arg("-c")
            .arg(format!("ulimit {words}; exec \"$@\""))
            .arg("sh")
            .arg(self.command.get_program())
            .args(self.command.get_args())
            .stdin(Stdio::null());
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => limited.env(name, value),
                None => limited.env_remove(name),
            };
        }
        limited
    }

    /// Runs it to its end. Where that does not come, the test fails with what it
    /// said, and no other test has to wait.
    pub fn run(mut self) -> Ended {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().expect("the tool starts");
        let stdout = child::collect_most(child.stdout.take(), DATA);
        let stderr = child::collect_most(child.stderr.take(), DATA);
        let status = child::wait_for(&mut child, LIMIT).expect("the tool can be waited for");
        if status.is_none() {
            child.kill().expect("the tool can be ended");
        }
        // What it has started and left may hold on to the other end.
        let rest = |kept: Receiver<Kept>| kept.recv_timeout(REST).expect("its output ends").bytes;
        let ended = Ended::from(Output {
            status: child.wait().expect("the tool can be waited for"),
            stdout: rest(stdout),
            stderr: rest(stderr),
        });
        assert!(
            status.is_some(),
            "{:?} did not end within {LIMIT:?}\n{}\n{}",
            self.command,
            ended.stdout,
            ended.stderr
        );
        ended
    }
}

/// Fetches the `wasmtime` command, once, where none is on `PATH`.
pub fn bring_wasmtime() {
    static BROUGHT: Once = Once::new();
    BROUGHT.call_once(|| {
        if which::which("wasmtime").is_err() {
            Tool::new("setup").arg("--wasmtime").run().succeeded();
        }
    });
}

/// Builds the example `name` of `verb`, `run` or `serve`; gives back its
/// component.
pub fn component(verb: &str, name: &str, arguments: &[&str]) -> PathBuf {
    let built = Tool::new(verb)
        .args(["--no-run", "--example", name])
        .args(arguments)
        .run()
        .succeeded();
    PathBuf::from(built.trim())
}

/// Builds the program `name` of `package`, in a workspace of `compat-tests`, as
/// cargo builds any program here: natively, from the released crates. It is
/// built by itself, as a component is: with other packages it would have the
/// features that those ask for.
pub fn native(workspace: &str, package: &str, name: &str) -> PathBuf {
    let target = repository_home().join("native").join(workspace);
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--locked"])
        .args(["--package", package, "--bin", name, "--target-dir"])
        .arg(&target)
        .current_dir(repository().join("compat-tests/programs").join(workspace))
        .status()
        .unwrap();
    assert!(status.success(), "{name} does not build natively");
    target.join("debug").join(name)
}

/// The same from the patched crates, in the workspace that components are built
/// in.
pub fn native_patched(workspace: &str, package: &str) -> PathBuf {
    component("run", package, &[]);
    let target = repository_home().join("native-patched").join(workspace);
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--package", package, "--bin", package])
        .arg("--target-dir")
        .arg(&target)
        .current_dir(repository_home().join(workspace))
        .status()
        .unwrap();
    assert!(status.success(), "{package} does not build natively");
    target.join("debug").join(package)
}

impl From<Output> for Ended {
    fn from(output: Output) -> Ended {
        Ended {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ended {
    /// Asserts success; gives back standard output.
    #[track_caller]
    pub fn succeeded(self) -> String {
        assert_eq!(self.code, Some(0), "{}\n{}", self.stdout, self.stderr);
        self.stdout
    }

    /// Asserts failure with this code; gives back standard error.
    #[track_caller]
    pub fn failed(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self.stderr
    }
}

/// Asserts that `text` holds each of `parts`.
#[track_caller]
pub fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not said in:\n{text}");
    }
}
