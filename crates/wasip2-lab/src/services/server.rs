//! A server's process, from its start until it is dropped.

use std::fmt;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use wasip2_ground::child;
use wasip2_ground::process::quoted_tail;

/// How long a server has to answer, and to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that ends when this is dropped, and when this process ends.
pub struct Server {
    name: &'static str,
    process: Pid,
    /// Told when it has ended.
    ended: Receiver<()>,
    keeper: Option<JoinHandle<()>>,
    /// Its data and its log.
    directory: TempDir,
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{} ({:?})", self.name, self.process)
    }
}

impl Server {
    /// Starts `command`, as the user with the number `user` if there is one.
    pub fn start(
        name: &'static str,
        mut command: Command,
        directory: TempDir,
        user: Option<u32>,
    ) -> Result<Server> {
        let log = File::create(directory.path().join("log"))?;
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        run_as(&mut command, user);
        child::end_with_this_process(&mut command, child::Signal::Interrupt);
        let (tell, told) = mpsc::channel();
        let (tell_end, ended) = mpsc::channel();
        // It ends with the thread that started it, so that one stays.
        let keeper =
            std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || match command.spawn() {
                    Ok(mut child) => {
                        let _ = tell.send(Ok(Pid::from_child(&child)));
                        let _ = child.wait();
                        let _ = tell_end.send(());
                    }
                    Err(error) => {
                        let _ = tell.send(Err(error));
                    }
                })?;
        let process = told
            .recv()
            .expect("the thread tells")
            .with_context(|| format!("{name} could not start"))?;
        Ok(Server {
            name,
            process,
            ended,
            keeper: Some(keeper),
            directory,
        })
    }

    /// Waits until `ready` says so.
    pub fn wait_until(&self, ready: impl Fn() -> bool) -> Result<()> {
        let started = Instant::now();
        while !ready() {
            match self.ended.recv_timeout(Duration::from_millis(20)) {
                Err(RecvTimeoutError::Timeout) if started.elapsed() < PATIENCE => {}
                Err(RecvTimeoutError::Timeout) => bail!(
                    "{} did not answer after {} s{}",
                    self.name,
                    PATIENCE.as_secs(),
                    self.last_words()
                ),
                _ => bail!("{} ended at once{}", self.name, self.last_words()),
            }
        }
        Ok(())
    }

    fn last_words(&self) -> String {
        quoted_tail(
            &fs::read(self.directory.path().join("log")).unwrap_or_default(),
            10,
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both servers take an interrupt for "end, whoever is connected".
        for signal in [Signal::INT, Signal::KILL] {
            // A process that has been waited for may be another's by now.
            if self.ended.try_recv() != Err(mpsc::TryRecvError::Empty) {
                break;
            }
            let _ = kill_process(self.process, signal);
            if self.ended.recv_timeout(PATIENCE / 6) != Err(RecvTimeoutError::Timeout) {
                break;
            }
        }
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.join();
        }
    }
}

/// Has `command` run as the user with the number `user`.
pub fn run_as(command: &mut Command, user: Option<u32>) {
    if let Some(user) = user {
        command.uid(user).gid(user);
    }
}

/// A port of 127.0.0.1 on which nothing listens.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr()?.port())
}
