//! Programs under supervision: one that may run for so long and no longer, or
//! until Ctrl-C.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::bounded::{self, Kept};
use crate::interrupt;

/// The longest pause between two looks at whether a program has ended.
const PAUSE: Duration = Duration::from_millis(10);

/// How long the rest of its output is waited for: something that it started
/// may hold on to the other end.
const REST: Duration = Duration::from_secs(2);

/// How long a program may take to end where it was told to.
const GRACE: Duration = Duration::from_secs(2);

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
    interrupt::refuse()?;
    let until = Instant::now() + REST;
    let rest = |kept: Receiver<Kept>| {
        let left = until.saturating_duration_since(Instant::now());
        kept.recv_timeout(left).unwrap_or_default().bytes
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

/// Waits until it has ended, for as long as `go_on` says so.
pub fn wait_while(
    child: &mut Child,
    mut go_on: impl FnMut() -> bool,
) -> std::io::Result<Option<ExitStatus>> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            interrupt::heed(status);
            return Ok(Some(status));
        }
        if !go_on() {
            return Ok(None);
        }
        // What ends soon is noticed soon.
        let pause = started.elapsed() / 10;
        thread::sleep(pause.clamp(Duration::from_millis(1), PAUSE));
    }
}

/// Waits until it has ended, for at most `limit`.
pub fn wait_for(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let end = Instant::now() + limit;
    wait_while(child, || Instant::now() < end)
}

/// What a program is told by which it ends.
#[derive(Clone, Copy, Debug)]
pub enum Signal {
    Interrupt,
    Terminate,
}

/// Has the program get `signal` when the thread that starts it ends, so that not
/// even a killed process leaves it behind. Only Linux can do that.
#[cfg(target_os = "linux")]
pub fn end_with_this_process(command: &mut Command, signal: Signal) {
    use std::os::unix::process::CommandExt;
    let signal = match signal {
        Signal::Interrupt => rustix::process::Signal::INT,
        Signal::Terminate => rustix::process::Signal::TERM,
    };
    let this = rustix::process::getpid();
    let told = move || {
        rustix::process::set_parent_process_death_signal(Some(signal))?;
        // It may have ended before that.
        match rustix::process::getppid() == Some(this) {
            true => Ok(()),
            false => Err(rustix::io::Errno::SRCH.into()),
        }
    };
    // SAFETY: between fork and exec, it is two system calls.
    unsafe { command.pre_exec(told) };
}

#[cfg(not(target_os = "linux"))]
pub fn end_with_this_process(_: &mut Command, _: Signal) {}

/// Runs `command`, with `started` called once it does, until it ends by itself
/// or Ctrl-C, which ends it; then there is no exit status.
pub fn until_ctrl_c(
    mut command: Command,
    started: impl FnOnce(&mut Child) -> Result<()>,
) -> Result<Option<ExitStatus>> {
    end_with_this_process(&mut command, Signal::Terminate);
    let mut child = command
        .stdin(Stdio::piped())
        .spawn()
        .with_context(|| format!("{command:?} could not start"))?;
    // Open for as long as this process is there, so that the program can wait
    // for its end. Where it is not taken out, `wait` closes it.
    let _open = child.stdin.take();
    started(&mut child)?;
    let stopped = Arc::new(AtomicBool::new(false));
    let noted = stopped.clone();
    #[cfg(unix)]
    let process = rustix::process::Pid::from_child(&child);
    interrupt::on_ctrl_c(move || {
        noted.store(true, Ordering::SeqCst);
        // Elsewhere Ctrl-C is for every process of the console.
        #[cfg(unix)]
        let _ = rustix::process::kill_process(process, rustix::process::Signal::TERM);
    })?;
    let status = child.wait()?;
    Ok((!stopped.load(Ordering::SeqCst)).then_some(status))
}

fn wait(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let end = Instant::now() + limit;
    let status = wait_while(child, || Instant::now() < end && !interrupt::noted())?;
    if status.is_none() {
        stop(child.id() as i32);
        let _ = child.kill();
        child.wait()?;
    }
    Ok(status)
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

/// What comes from there, once it has come to its end.
pub fn collect(from: Option<impl Read + Send + 'static>) -> Receiver<Kept> {
    collect_most(from, bounded::TEXT)
}

/// The same, of which at most about `most` bytes are kept.
pub fn collect_most(from: Option<impl Read + Send + 'static>, most: usize) -> Receiver<Kept> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let kept = from.map(|from| bounded::read(from, most, |_| {}));
        // Nobody waits for it where it came too late.
        let _ = sender.send(kept.unwrap_or_default());
    });
    receiver
}

/// Waits for the end of a program that is read from. Where Ctrl-C is noted, it
/// ends the program and is an error.
pub fn finish(child: &mut Child) -> Result<ExitStatus> {
    if !interrupt::notes() {
        return Ok(child.wait()?);
    }
    if let Some(status) = wait_while(child, || !interrupt::noted())? {
        interrupt::refuse()?;
        return Ok(status);
    }
    let end = Instant::now() + GRACE;
    ask_to_end(child.id());
    if wait_while(child, || Instant::now() < end)?.is_none() {
        let _ = child.kill();
        child.wait()?;
    }
    interrupt::refuse()?;
    unreachable!("it is only given up where Ctrl-C was noted")
}

/// While this is there, Ctrl-C also ends a program whose output is being read:
/// where only this process was told, that would not end by itself.
///
/// It has to go before the program is waited for, whose number is another's
/// afterwards.
#[derive(Debug)]
pub struct Watch {
    over: Option<(mpsc::Sender<()>, thread::JoinHandle<()>)>,
}

impl Watch {
    /// Watches over `child`, where Ctrl-C is noted at all.
    pub fn over(child: &Child) -> Watch {
        let id = child.id();
        let over = interrupt::notes().then(|| {
            let (over, told) = mpsc::channel();
            let watch = thread::spawn(move || {
                while told.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                    if interrupt::noted() {
                        ask_to_end(id);
                        // It is told once, and has its time.
                        if told.recv_timeout(GRACE) == Err(RecvTimeoutError::Timeout) {
                            end(id);
                        }
                        return;
                    }
                }
            });
            (over, watch)
        });
        Watch { over }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some((over, watch)) = self.over.take() {
            drop(over);
            let _ = watch.join();
        }
    }
}

/// Tells a process what Ctrl-C tells it.
fn ask_to_end(id: u32) {
    #[cfg(unix)]
    signal(id, rustix::process::Signal::INT);
    #[cfg(not(unix))]
    let _ = id;
}

/// Ends a process at once.
fn end(id: u32) {
    #[cfg(unix)]
    signal(id, rustix::process::Signal::KILL);
    #[cfg(not(unix))]
    let _ = id;
}

#[cfg(unix)]
fn signal(id: u32, signal: rustix::process::Signal) {
    if let Some(id) = rustix::process::Pid::from_raw(id as i32) {
        let _ = rustix::process::kill_process(id, signal);
    }
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

    #[test]
    fn what_writes_without_end_is_kept_in_part() {
        let ended = shell(
            "head -c 100000000 /dev/zero; echo; echo last",
            Duration::from_secs(20),
        );
        assert!(ended.stdout.len() < 2 * bounded::TEXT);
        assert!(ended.stdout.ends_with(b"\nlast\n"));
    }
}
