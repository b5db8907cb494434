//! A program at one end, while it runs.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use wasip2_ground::process::quoted_tail;
use wasip2_ground::{child, interrupt};

/// How long it may take to say that it is there.
const START: Duration = Duration::from_secs(120);

/// How long it may take to end.
const END: Duration = Duration::from_secs(30);

/// What a server writes to standard error before what is wrong with a request.
const WRONG: &str = "WRONG ";

/// How many lines of its standard error are kept.
const KEPT: usize = 200;

/// How many of those are shown.
const LAST_WORDS: usize = 30;

/// A program that runs until this is dropped.
#[derive(Debug)]
pub struct Peer {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    said: Arc<Mutex<Said>>,
}

/// What it wrote to standard error.
#[derive(Debug, Default)]
struct Said {
    wrong: Vec<String>,
    /// The last of all other lines.
    rest: Vec<String>,
}

impl Peer {
    /// Starts `command`.
    pub fn start(mut command: Command) -> Result<Peer> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        child::end_with_this_process(&mut command, child::Signal::Interrupt);
        let mut child = command
            .spawn()
            .with_context(|| format!("{:?} could not start", command.get_program()))?;
        let (sender, lines) = mpsc::channel();
        let stdout = child.stdout.take().context("it has no output")?;
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let said = Arc::<Mutex<Said>>::default();
        let stderr = child.stderr.take().context("it has no standard error")?;
        thread::spawn({
            let said = said.clone();
            move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    let mut said = said.lock().expect("nobody panics with it");
                    match line.strip_prefix(WRONG) {
                        Some(wrong) => said.wrong.push(wrong.to_owned()),
                        None => {
                            if said.rest.len() == KEPT {
                                said.rest.remove(0);
                            }
                            said.rest.push(line);
                        }
                    }
                }
            }
        });
        Ok(Peer {
            stdin: child.stdin.take(),
            child,
            lines,
            said,
        })
    }

    /// The address in the URL that a server prints first.
    pub fn address(&mut self) -> Result<SocketAddr> {
        let line = self.line(START)?;
        let address = line.trim_start_matches("http://").trim_end_matches('/');
        address
            .parse()
            .with_context(|| format!("{line:?} is not the URL of a server"))
    }

    /// Tells it a line, and waits for the one that it answers.
    pub fn ask(&mut self, line: &str, limit: Duration) -> Result<String> {
        let stdin = self.stdin.as_mut().context("its input is closed")?;
        if writeln!(stdin, "{line}").is_err() {
            bail!("{}", self.ended());
        }
        self.line(limit)
    }

    /// The next line that it prints.
    fn line(&mut self, limit: Duration) -> Result<String> {
        let end = Instant::now() + limit;
        loop {
            interrupt::refuse()?;
            match self.lines.recv_timeout(Duration::from_millis(100)) {
                Ok(line) => return Ok(line),
                Err(RecvTimeoutError::Timeout) if Instant::now() < end => {}
                Err(RecvTimeoutError::Timeout) => {
                    bail!(
                        "it hangs: it said nothing for {limit:?}{}",
                        self.last_words()
                    )
                }
                Err(RecvTimeoutError::Disconnected) => bail!("{}", self.ended()),
            }
        }
    }

    /// How many descriptors it has open, where the system tells.
    pub fn descriptors(&self) -> Option<usize> {
        let path = format!("/proc/{}/fd", self.child.id());
        Some(fs::read_dir(path).ok()?.count())
    }

    /// How much memory it has in use, in KiB, where the system tells.
    pub fn memory(&self) -> Option<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(path).ok()?;
        let line = (status.lines()).find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    }

    /// What it found wrong with requests.
    pub fn wrong(&self) -> Vec<String> {
        let said = self.said.lock().expect("nobody panics with it");
        said.wrong.clone()
    }

    /// Has it end by the end of its input, or by Ctrl-C.
    pub fn end(mut self, by_signal: bool) -> Result<()> {
        drop(self.stdin.take());
        if by_signal {
            kill_process(Pid::from_child(&self.child), Signal::INT)?;
        }
        let status = child::wait_for(&mut self.child, END)?
            .with_context(|| format!("it did not end within {END:?}{}", self.last_words()))?;
        ensure!(status.success(), "it ended ({status}){}", self.last_words());
        Ok(())
    }

    fn ended(&mut self) -> String {
        match child::wait_for(&mut self.child, Duration::from_secs(1)) {
            Ok(Some(status)) => format!("it ended ({status}){}", self.last_words()),
            _ => format!("it closed its output and went on{}", self.last_words()),
        }
    }

    fn last_words(&self) -> String {
        // They are read by another thread.
        thread::sleep(Duration::from_millis(50));
        let said = self.said.lock().expect("nobody panics with it");
        let rest = said.rest.join("\n");
        match wasip2_host::first_panic(&rest) {
            Some(panic) => format!("\n  {panic}"),
            // A trap's message stands above its backtrace.
            None => match rest.find("error: ") {
                Some(at) => quoted_head(&rest[at..]),
                None => quoted_tail(rest.as_bytes(), LAST_WORDS),
            },
        }
    }
}

/// The first lines, indented, on lines of their own.
fn quoted_head(text: &str) -> String {
    let lines: Vec<&str> = text.lines().take(LAST_WORDS).collect();
    quoted_tail(lines.join("\n").as_bytes(), LAST_WORDS)
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
