//! A program that is measured, while it runs.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::mem;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;
use wasip2_ground::process::quoted_tail;
use wasip2_ground::{child, interrupt};

use anyhow::{Context, Result, bail};

use super::cases::Place;
use wasip2_host::{Kind, Mode, Statistics};

/// How long a program may take to end when it was told to.
const END: Duration = Duration::from_secs(10);

/// How many lines of its standard error are shown: a trap's message stands
/// above its backtrace.
const LAST_WORDS: usize = 14;

/// How much of its standard error is kept.
const KEPT: u64 = 64 << 10;

/// What Linux counts the time of processes in.
const TICK: Duration = Duration::from_millis(10);

/// How long a program that stands behind another one may take to its first line.
const FIRST_LINE: Duration = Duration::from_secs(120);

/// The programs that run now, to be ended when the tool is.
static CURRENT: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// Whether one is being started, whose number is not known yet.
static STARTING: AtomicBool = AtomicBool::new(false);

/// How a program is started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program's file.
    pub program: PathBuf,
    /// What runs it, for a component.
    pub host: Option<Host>,
    /// The components' environment.
    pub environment: Vec<String>,
    /// Where the components are that it sends requests to.
    pub place: Place,
    /// Those, by the names of their hosts: it sends to the first one, and that to
    /// the next.
    pub behind: Vec<(String, PathBuf)>,
}

/// What runs a component.
#[derive(Clone, Debug)]
pub struct Host {
    /// The tool's file.
    pub tool: PathBuf,
    pub kind: Kind,
    pub role: Role,
    /// See [`Variant`](super::cases::Variant).
    pub interruptible: Option<bool>,
}

/// What the host does with a component.
#[derive(Clone, Copy, Debug)]
pub enum Role {
    /// It runs the program.
    Run { mode: Mode },
    /// It serves HTTP, with instances that answer so many requests each, or as
    /// many as the host gives them by itself.
    Serve { reuse: Option<u64> },
}

/// A program that runs.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// What it prints.
    lines: Receiver<String>,
    /// What it complains of.
    errors: Arc<Mutex<Vec<u8>>>,
    /// Where its host writes what it counted.
    statistics: Option<tempfile::TempPath>,
    /// What it sends requests to.
    behind: Vec<Running>,
}

impl Running {
    /// Starts a program, and before it what stands behind it.
    pub fn start(launch: &Launch, arguments: &[String]) -> Result<Running> {
        let mut behind = Vec::new();
        let mut flags = Vec::new();
        match launch.place {
            Place::Nowhere => {}
            Place::Inside => flags = routes(&launch.behind),
            Place::Outside => {
                for (_, program) in launch.behind.iter().rev() {
                    let mut next = Running::one(launch, program, &flags, &[])?;
                    let url = next.line(FIRST_LINE)?;
                    let url = url.trim().trim_end_matches('/');
                    flags = vec!["--http".into(), format!("--env=UPSTREAM={url}").into()];
                    behind.push(next);
                }
            }
        }
        let mut running = Running::one(launch, &launch.program, &flags, arguments)?;
        running.behind = behind;
        Ok(running)
    }

    /// Starts `program` as `launch` has it, with these flags of its host.
    fn one(
        launch: &Launch,
        program: &Path,
        flags: &[OsString],
        arguments: &[String],
    ) -> Result<Running> {
        let mut statistics = None;
        let mut command = match &launch.host {
            None => Command::new(program),
            Some(host) => {
                let file = tempfile::NamedTempFile::new()
                    .context("no file could be made for the host's statistics")?
                    .into_temp_path();
                let mut command = Command::new(&host.tool);
                match host.role {
                    Role::Run { mode } => command
                        .args(["wasip2", "host", "--network", "--name-lookup", "--http"])
                        .args(["--mode", mode.word()]),
                    Role::Serve { reuse } => {
                        command.args(["wasip2", "serve", "--addr", "127.0.0.1:0"]);
                        let reuse = reuse.map(|reuse| reuse.to_string());
                        let flag = "--max-instance-reuse-count";
                        command.args(reuse.iter().flat_map(|reuse| [flag, reuse]))
                    }
                };
                command.args(["--host", &host.kind.to_string()]);
                if let Some(interruptible) = host.interruptible {
                    command.arg(format!("--interruptible={interruptible}"));
                }
                for variable in &launch.environment {
                    command.args(["--env", variable]);
                }
                command.args(flags);
                // Others count nothing.
                if host.kind == Kind::Builtin {
                    command.arg("--statistics").arg(&file);
                    statistics = Some(file);
                }
                command.arg(program);
                command
            }
        };
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        STARTING.store(true, Ordering::SeqCst);
        let child = command.spawn().inspect(|child| current().push(child.id()));
        STARTING.store(false, Ordering::SeqCst);
        let mut child =
            child.with_context(|| format!("{} could not be started", program.display()))?;
        let output = child.stdout.take().context("it has no output")?;
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut complaints = child.stderr.take().context("it has no standard error")?;
        let errors = Arc::<Mutex<Vec<u8>>>::default();
        let kept = errors.clone();
        thread::spawn(move || {
            let mut text = Vec::new();
            let _ = complaints.by_ref().take(KEPT).read_to_end(&mut text);
            *kept.lock().expect("nobody panics with it") = text;
            // The rest must go somewhere, or the program stands still.
            let _ = std::io::copy(&mut complaints, &mut std::io::sink());
        });
        Ok(Running {
            child,
            lines,
            errors,
            statistics,
            behind: Vec::new(),
        })
    }

    /// The next line that it prints.
    pub fn line(&mut self, limit: Duration) -> Result<String> {
        match self.lines.recv_timeout(limit) {
            Ok(line) => Ok(line),
            Err(RecvTimeoutError::Timeout) => {
                bail!("it said nothing for {limit:?}")
            }
            Err(RecvTimeoutError::Disconnected) => match self.wait(END) {
                Some(status) => bail!("{}", self.ended(status)),
                None => bail!("it closed its output and went on"),
            },
        }
    }

    /// The most memory that the process had in use until now, in bytes, where
    /// the system tells; with that of what stands behind it.
    pub fn peak_memory(&self) -> Option<u64> {
        let behind = self.behind.iter().map(Running::peak_memory);
        behind.fold(self.own_peak(), |sum, one| Some(sum? + one?))
    }

    /// How long the process has computed until now, where the system tells; with
    /// what stands behind it.
    pub fn computed(&self) -> Option<Duration> {
        let behind = self.behind.iter().map(Running::computed);
        behind.fold(self.own_time(), |sum, one| Some(sum? + one?))
    }

    fn own_time(&self) -> Option<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.server())).ok()?;
        // The name, in brackets, may have spaces.
        let (_, fields) = stat.rsplit_once(')')?;
        let mut times = fields.split_whitespace().skip(11);
        let mut next = || times.next()?.parse::<u64>().ok();
        Some((next()? + next()?) as u32 * TICK)
    }

    /// The process that does the work: what the tool has started, if its host is
    /// another program.
    fn server(&self) -> u32 {
        let own = self.child.id();
        let threads = std::fs::read_dir(format!("/proc/{own}/task"));
        let children = threads.into_iter().flatten().flatten().find_map(|thread| {
            let children = std::fs::read_to_string(thread.path().join("children")).ok()?;
            children.split_whitespace().next()?.parse().ok()
        });
        children.unwrap_or(own)
    }

    fn own_peak(&self) -> Option<u64> {
        let path = format!("/proc/{}/status", self.server());
        let status = std::fs::read_to_string(path).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kibibytes << 10)
    }

    /// Why it ended, if it did so by itself.
    pub fn why_ended(&mut self) -> Option<String> {
        // What broke its connections may be its end; that takes a moment.
        let status = self.wait(Duration::from_millis(200))?;
        Some(self.ended(status))
    }

    /// Tells it to end, as Ctrl-C does.
    pub fn interrupt(&self) -> Result<()> {
        #[cfg(unix)]
        {
            let process = rustix::process::Pid::from_raw(self.child.id() as i32)
                .context("it has no process")?;
            Ok(rustix::process::kill_process(
                process,
                rustix::process::Signal::INT,
            )?)
        }
        #[cfg(not(unix))]
        bail!("this system has no signal that ends it")
    }

    /// Waits for its end, after it was told to; gives back what its host
    /// counted.
    pub fn end(mut self) -> Result<Option<Statistics>> {
        for behind in mem::take(&mut self.behind) {
            behind.interrupt()?;
            behind.end()?;
        }
        drop(self.child.stdin.take());
        match self.wait(END) {
            None => bail!("it did not end within {} s", END.as_secs()),
            Some(status) if !status.success() => bail!("{}", self.ended(status)),
            Some(_) => {}
        }
        self.statistics.as_deref().map(counted).transpose()
    }

    fn ended(&self, status: ExitStatus) -> String {
        // Its last words are read by another thread.
        thread::sleep(Duration::from_millis(20));
        let errors = self.errors.lock().expect("nobody panics with it");
        format!("it ended ({status}){}", quoted_tail(&errors, LAST_WORDS))
    }

    fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        child::wait_for(&mut self.child, limit).ok().flatten()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        current().retain(|process| *process != self.child.id());
    }
}

/// The flags that have what stands `behind` a component answer in the same
/// process.
fn routes(behind: &[(String, PathBuf)]) -> Vec<OsString> {
    let mut flags = Vec::new();
    for (place, (host, program)) in behind.iter().enumerate() {
        if place == 0 {
            flags.push(format!("--env=UPSTREAM=http://{host}").into());
        }
        let mut route = OsString::from(format!("--route={host}="));
        route.push(program);
        flags.push(route);
        if let Some((next, _)) = behind.get(place + 1) {
            flags.push(format!("--grant={host}:env=UPSTREAM=http://{next}").into());
            flags.push(format!("--grant={host}:route={next}").into());
        }
    }
    flags
}

fn current() -> MutexGuard<'static, Vec<u32>> {
    CURRENT.lock().expect("nothing that holds this panics")
}

fn counted(path: &Path) -> Result<Statistics> {
    let text = std::fs::read_to_string(path).context("the host counted nothing")?;
    serde_json::from_str(&text).context("the host's statistics are not right")
}

/// Ends the program that runs, and this one, on Ctrl-C.
pub fn end_with_this_process() -> Result<()> {
    interrupt::on_ctrl_c(|| {
        while STARTING.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(1));
        }
        #[cfg(unix)]
        for process in current().iter() {
            if let Some(process) = rustix::process::Pid::from_raw(*process as i32) {
                let _ = rustix::process::kill_process(process, rustix::process::Signal::KILL);
            }
        }
        // Results are written whole, by a rename: nothing is left half done.
        std::process::exit(130);
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Running {
        let launch = Launch {
            program: "/bin/sh".into(),
            host: None,
            environment: Vec::new(),
            place: Place::Nowhere,
            behind: Vec::new(),
        };
        Running::start(&launch, &["-c".into(), script.into()]).unwrap()
    }

    #[test]
    fn a_program_that_ends_too_soon_is_told_with_its_last_words() {
        let mut running = shell("echo there is no socket >&2; exit 3");
        let said = running.line(END).unwrap_err().to_string();
        assert!(said.contains("exit status: 3"), "{said}");
        assert!(said.ends_with("\n  there is no socket"), "{said}");
    }

    #[test]
    fn a_program_that_says_nothing_is_given_up() {
        let mut running = shell("sleep 60");
        let said = running.line(Duration::from_millis(50)).unwrap_err();
        assert_eq!(said.to_string(), "it said nothing for 50ms");
        assert!(running.why_ended().is_none());
    }

    #[test]
    fn a_program_that_fails_at_its_end_has_failed() {
        let mut running = shell("echo 1; read line; exit 4");
        assert_eq!(running.line(END).unwrap(), "1");
        assert!(running.peak_memory().is_some_and(|bytes| bytes > 4096));
        let said = running.end().unwrap_err().to_string();
        assert!(said.contains("exit status: 4"), "{said}");
    }
}
