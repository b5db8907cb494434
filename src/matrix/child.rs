//! A program that may run for so long and no longer.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How often a program is asked whether it has ended, and looked whether it has
/// to be.
const PAUSE: Duration = Duration::from_millis(10);

/// How long the rest of its output is waited for: something that it started
/// may hold on to the other end.
const REST: Duration = Duration::from_secs(2);

/// Whether the user has had enough.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// How a program ended, and what it wrote.
#[derive(Debug)]
pub struct Ended {
    /// None where it was stopped for its time was over.
    pub status: Option<ExitStatus>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

/// Runs `command` to its end, or stops it, and all that it started, when
/// `limit` is over.
pub fn run(command: Command, limit: Duration) -> Result<Ended> {
    let mut child = spawn(command)?;
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    let status = wait(&mut child, limit)?;
    refuse_interrupted()?;
    let until = Instant::now() + REST;
    let rest = |bytes: Receiver<Vec<u8>>| {
        let left = until.saturating_duration_since(Instant::now());
        bytes.recv_timeout(left).unwrap_or_default()
    };
    Ok(Ended {
        status,
        stdout: rest(stdout),
        stderr: rest(stderr),
    })
}

/// Starts `command` with its output in pipes, and in a process group of its
/// own, which [`stop`] ends.
pub fn spawn(mut command: Command) -> Result<Child> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let program = command.get_program().to_string_lossy().into_owned();
    command
        .spawn()
        .with_context(|| format!("`{program}` could not be started"))
}

/// An error where the user has had enough.
pub fn refuse_interrupted() -> Result<()> {
    if interrupted() {
        bail!("interrupted");
    }
    Ok(())
}

/// Whether the user has had enough.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// From now on Ctrl-C stops the programs that run, and has [`run`] fail, so
/// that whoever called it can put things in order.
pub fn stop_on_ctrl_c() -> Result<()> {
    ctrlc::set_handler(|| {
        // Whoever presses it twice wants nothing put in order.
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
    })
    .context("Ctrl-C could not be listened to")
}

fn wait(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= end || interrupted() {
            stop(child.id() as i32);
            let _ = child.kill();
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(PAUSE);
    }
}

/// Ends a process group at once.
pub fn stop(group: i32) {
    #[cfg(unix)]
    if let Some(group) = rustix::process::Pid::from_raw(group) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    #[cfg(not(unix))]
    let _ = group;
}

/// All that comes from there, once it has come to its end.
pub fn collect(from: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut from) = from {
            let _ = from.read_to_end(&mut bytes);
        }
        // Nobody waits for it where it came too late.
        let _ = sender.send(bytes);
    });
    receiver
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Ended {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        run(command, limit).unwrap()
    }

    #[test]
    fn what_it_wrote_and_how_it_ended_is_told() {
        let ended = shell("echo out; echo err >&2; exit 3", Duration::from_secs(20));
        assert_eq!(ended.status.and_then(|status| status.code()), Some(3));
        assert_eq!(
            (&*ended.stdout, &*ended.stderr),
            (&b"out\n"[..], &b"err\n"[..])
        );
    }

    #[test]
    fn what_takes_too_long_is_stopped_with_all_that_it_started() {
        let started = Instant::now();
        let ended = shell(
            "echo begun; sleep 60 & sleep 60",
            Duration::from_millis(300),
        );
        assert!(ended.status.is_none());
        assert_eq!(ended.stdout, b"begun\n");
        // Had the child of the shell lived on, it would still hold the pipe.
        assert!(started.elapsed() < REST, "{:?}", started.elapsed());
    }
}
