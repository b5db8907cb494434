//! `wasi:io/poll`: what all waits come to.

use std::io::{self, Stderr, Stdin, Stdout};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime::{Result, bail};

use crate::tcp::{Connection, Tcp};
use crate::{Context, Guest, dropped};

/// For how long, at the end, what was written is sent to who does not take it.
const LINGER: Duration = Duration::from_secs(5);

/// What a guest can wait for.
#[derive(Clone, Debug)]
pub enum Pollable {
    /// Nothing.
    Ready,
    /// This time.
    At(Instant),
    /// A time that never comes.
    Never,
    /// This descriptor.
    Io(Arc<OwnedFd>, PollFlags),
    /// Standard input, output or error.
    Standard(Standard),
    /// What the next step of a socket needs, at the time of the wait.
    Tcp(Arc<Tcp>),
}

/// A standard stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standard {
    Input,
    Output,
    Error,
}

static STDIN: LazyLock<Stdin> = LazyLock::new(io::stdin);
static STDOUT: LazyLock<Stdout> = LazyLock::new(io::stdout);
static STDERR: LazyLock<Stderr> = LazyLock::new(io::stderr);

impl Standard {
    /// Its descriptor.
    pub fn descriptor(self) -> BorrowedFd<'static> {
        match self {
            Standard::Input => STDIN.as_fd(),
            Standard::Output => STDOUT.as_fd(),
            Standard::Error => STDERR.as_fd(),
        }
    }

    fn flags(self) -> PollFlags {
        match self {
            Standard::Input => PollFlags::IN,
            _ => PollFlags::OUT,
        }
    }
}

/// What a pollable needs now.
enum Need<'a> {
    Nothing,
    Time(Instant),
    Never,
    Io(&'a OwnedFd, PollFlags),
    Standard(Standard),
}

/// What is kept from one wait to the next.
#[derive(Debug, Default)]
pub struct Waits {
    /// Connections that have not sent yet all that was written to them.
    unsent: Vec<Arc<Connection>>,
    /// How many there were.
    turn: u64,
}

impl Waits {
    /// The number of the wait that was the last one.
    pub fn turn(&self) -> u64 {
        self.turn
    }

    /// Has what `connection` could not send yet be sent during the next ones.
    pub fn send_later(&mut self, connection: &Arc<Connection>) {
        let known = |one: &Arc<Connection>| Arc::ptr_eq(one, connection);
        if connection.has_rest() && !self.unsent.iter().any(known) {
            self.unsent.push(connection.clone());
        }
    }
}

impl Pollable {
    fn need(&self) -> Need<'_> {
        match self {
            Pollable::Ready => Need::Nothing,
            Pollable::At(when) => Need::Time(*when),
            Pollable::Never => Need::Never,
            Pollable::Io(descriptor, flags) => Need::Io(descriptor, *flags),
            Pollable::Standard(stream) => Need::Standard(*stream),
            Pollable::Tcp(socket) => match socket.waits_for() {
                None => Need::Nothing,
                Some(flags) => Need::Io(&socket.descriptor, flags),
            },
        }
    }
}

/// Whether `descriptor` is ready, or has failed.
pub fn is_ready(descriptor: impl AsFd, flags: PollFlags) -> bool {
    let mut polled = [PollFd::new(&descriptor, flags)];
    !matches!(poll(&mut polled, Some(&Timespec::default())), Ok(0))
}

/// Waits until one of `pollables` is ready, if it is to `block`; gives back the
/// places of all that are.
///
/// # Errors
///
/// Where nothing of it will ever be.
pub fn wait(pollables: &[&Pollable], block: bool, waits: &mut Waits) -> Result<Vec<u32>> {
    let needs: Vec<Need> = pollables.iter().map(|pollable| pollable.need()).collect();
    waits.turn += 1;
    loop {
        waits.unsent.retain(|connection| connection.send());
        let now = Instant::now();
        let mut places = Vec::new();
        let mut polled = Vec::new();
        let mut until: Option<Instant> = None;
        let mut at_once = !block;
        for (place, need) in needs.iter().enumerate() {
            match need {
                Need::Nothing => at_once = true,
                Need::Time(when) => {
                    at_once |= *when <= now;
                    until = Some(until.map_or(*when, |until| until.min(*when)));
                }
                Need::Never => {}
                Need::Io(descriptor, flags) => {
                    places.push(place);
                    polled.push(PollFd::new(*descriptor, *flags));
                }
                Need::Standard(stream) => {
                    places.push(place);
                    polled.push(PollFd::from_borrowed_fd(
                        stream.descriptor(),
                        stream.flags(),
                    ));
                }
            }
        }
        for connection in waits.unsent.iter() {
            polled.push(PollFd::new(&*connection.descriptor, PollFlags::OUT));
        }
        if polled.is_empty() && until.is_none() && !at_once {
            bail!("the guest waits for nothing that could happen, and would wait for ever");
        }
        let left = match (at_once, until) {
            (true, _) => Some(Duration::ZERO),
            (false, Some(until)) => Some(until.saturating_duration_since(now)),
            (false, None) => None,
        };
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        match poll(&mut polled, left.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(error) => bail!("poll(2) failed: {error}"),
        }
        let now = Instant::now();
        let mut ready: Vec<u32> = (needs.iter().enumerate())
            .filter(|(_, need)| match need {
                Need::Nothing => true,
                Need::Time(when) => *when <= now,
                _ => false,
            })
            .map(|(place, _)| place as u32)
            .collect();
        let happened = places.iter().zip(&polled);
        ready.extend(
            happened
                .filter(|(_, polled)| !polled.revents().is_empty())
                .map(|(place, _)| *place as u32),
        );
        if !ready.is_empty() || !block {
            ready.sort_unstable();
            return Ok(ready);
        }
    }
}

/// Waits for one.
pub fn wait_for(pollable: Pollable, guest: &mut Guest) -> Result<()> {
    wait(&[&pollable], true, &mut guest.waits)?;
    Ok(())
}

/// Sends what is left to be sent when the guest has ended, as a system does for
/// a process.
pub fn send_rest(guest: &mut Guest) {
    let end = Instant::now() + LINGER;
    while !guest.waits.unsent.is_empty() && Instant::now() < end {
        let moment = Pollable::At(end.min(Instant::now() + Duration::from_millis(50)));
        if wait(&[&moment], true, &mut guest.waits).is_err() {
            return;
        }
    }
}

/// Adds it to `linker`.
pub fn link(linker: &mut Linker<Guest>) -> Result<()> {
    let mut interface = linker.instance("wasi:io/poll@0.2.0")?;
    interface.resource(
        "pollable",
        ResourceType::host::<Pollable>(),
        dropped::<Pollable>,
    )?;
    interface.func_wrap(
        "[method]pollable.ready",
        |mut context: Context, (pollable,): (Resource<Pollable>,)| {
            let guest = context.data_mut();
            let pollable = guest.table.get(&pollable)?;
            let ready = wait(&[pollable], false, &mut guest.waits)?;
            Ok((!ready.is_empty(),))
        },
    )?;
    interface.func_wrap(
        "[method]pollable.block",
        |mut context: Context, (pollable,): (Resource<Pollable>,)| {
            let guest = context.data_mut();
            let pollable = guest.table.get(&pollable)?.clone();
            wait_for(pollable, guest)
        },
    )?;
    interface.func_wrap(
        "poll",
        |mut context: Context, (pollables,): (Vec<Resource<Pollable>>,)| {
            if pollables.is_empty() {
                bail!("a poll of nothing would wait for ever");
            }
            let guest = context.data_mut();
            let pollables = pollables
                .iter()
                .map(|pollable| Ok(guest.table.get(pollable)?))
                .collect::<Result<Vec<_>>>()?;
            Ok((wait(&pollables, true, &mut guest.waits)?,))
        },
    )
}
