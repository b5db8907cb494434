//! Sockets of WASI 0.3 as file descriptors.
//!
//! This crate defines `socket(2)`, and so takes the place of wasi-libc's, whose
//! sockets are WASI 0.2's. What it returns is an entry in wasi-libc's table of
//! descriptors like any other: `connect(2)`, `recv(2)`, `close(2)` and all else
//! is wasi-libc's, and ends in the functions of that entry, which are here. So
//! whatever is written for file descriptors, such as std, socket2 and mio, needs
//! no change. `getaddrinfo(3)` is defined here, too.
//!
//! A socket that is not set to be non-blocking waits with [`wait`](crate::wait).

pub(crate) mod address;
mod descriptor;
mod getaddrinfo;
mod options;
mod tcp;
mod udp;

use std::cell::Cell;
use std::ffi::c_int;
use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use self::tcp::Tcp;
use self::udp::Udp;
use crate::{set, wait};

/// Room for what an import returns.
#[repr(C, align(8))]
struct Area([u8; 40]);

impl Default for Area {
    fn default() -> Area {
        Area([0; 40])
    }
}

impl Area {
    fn ptr(&mut self) -> *mut u8 {
        self.0.as_mut_ptr()
    }

    /// The value of a `result<u32, error-code>`, or of something smaller.
    fn number(&self) -> u32 {
        u32::from_le_bytes([self.0[4], self.0[5], self.0[6], self.0[7]])
    }

    /// The value of a `result<u64, error-code>`.
    fn wide(&self) -> u64 {
        (0..8).fold(0, |n, i| n | u64::from(self.0[8 + i]) << (8 * i))
    }

    /// The value of a `result<ip-socket-address, error-code>`.
    fn address(&self) -> SocketAddr {
        address::lift(&self.0[4..36])
    }
}

/// Calls an import that returns a result with values of up to four bytes.
fn call(import: impl FnOnce(*mut u8)) -> Result<Area, c_int> {
    call_with(4, import)
}

/// Calls an import that returns a result whose values are at `offset`.
fn call_with(offset: usize, import: impl FnOnce(*mut u8)) -> Result<Area, c_int> {
    let mut area = Area::default();
    import(area.ptr());
    if area.0[0] == 0 {
        return Ok(area);
    }
    // SAFETY: the import has just returned an error.
    Err(unsafe { address::error(&area.0[offset..]) })
}

/// A socket, the data of a descriptor.
#[repr(C)]
struct Socket {
    /// wasi-libc's count of further references, where it has one.
    references: u32,
    non_blocking: Cell<bool>,
    /// How long a read that blocks waits at most.
    read_timeout: Cell<Option<Duration>>,
    write_timeout: Cell<Option<Duration>>,
    kind: Kind,
}

enum Kind {
    Tcp(Tcp),
    Udp(Udp),
}

#[derive(Clone, Copy, PartialEq)]
enum Direction {
    Read,
    Write,
}

impl Socket {
    fn new(kind: Kind, non_blocking: bool) -> Socket {
        Socket {
            references: 0,
            non_blocking: Cell::new(non_blocking),
            read_timeout: Cell::new(None),
            write_timeout: Cell::new(None),
            kind,
        }
    }

    fn poll(&self, direction: Direction, cx: &mut Context<'_>) -> Poll<()> {
        match (&self.kind, direction) {
            (Kind::Tcp(tcp), Direction::Read) => tcp.poll_readable(cx),
            (Kind::Tcp(tcp), Direction::Write) => tcp.poll_writable(cx),
            (Kind::Udp(udp), Direction::Read) => udp.poll_readable(cx),
            (Kind::Udp(udp), Direction::Write) => udp.poll_writable(cx),
        }
    }

    /// Takes the events that are there, if one of them may be this socket's.
    fn refresh(&self) {
        let pending = match &self.kind {
            Kind::Tcp(tcp) => tcp.is_pending(),
            Kind::Udp(udp) => udp.is_pending(),
        };
        if pending {
            set::look();
        }
    }

    /// Does `operation`; where it would block, waits and does it again, unless
    /// the socket is not to block.
    fn blocking<T>(
        &self,
        direction: Direction,
        mut operation: impl FnMut() -> Result<T, c_int>,
    ) -> Result<T, c_int> {
        self.refresh();
        let mut deadline = None;
        loop {
            match operation() {
                Err(libc::EAGAIN) if !self.non_blocking.get() => {}
                result => return result,
            }
            let timeout = match direction {
                Direction::Read => self.read_timeout.get(),
                Direction::Write => self.write_timeout.get(),
            };
            if deadline.is_none() {
                deadline = timeout.map(|timeout| Instant::now() + timeout);
            }
            self.block(direction, deadline)?;
        }
    }

    /// Waits until the socket is ready.
    fn block(&self, direction: Direction, deadline: Option<Instant>) -> Result<(), c_int> {
        let mut cx = Context::from_waker(Waker::noop());
        while self.poll(direction, &mut cx).is_pending() {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Err(libc::EAGAIN);
            }
            wait(left).map_err(|err| match err.kind() {
                io::ErrorKind::Deadlock => libc::EDEADLK,
                _ => libc::ENOTSUP,
            })?;
        }
        Ok(())
    }
}

/// `poll_readable(fd, cx)`—Wait until a socket can be read from, or accepted from.
///
/// Ready as well where the next try says why it cannot: at the end of the stream,
/// or after an error. Otherwise the waker is woken as soon as a try is worth it,
/// within [`wait`](crate::wait). Only the last waker is kept.
///
/// # Errors
///
/// [`io::ErrorKind::Unsupported`] if `fd` is no socket of WASI 0.3.
///
/// # References
///
/// - [`wasi:sockets/types.tcp-socket`], `receive` and `listen`; [`wasi:sockets/types.udp-socket`], `receive`
///
/// [`wasi:sockets/types.tcp-socket`]: https://github.com/WebAssembly/WASI/blob/main/proposals/sockets/wit/types.wit
/// [`wasi:sockets/types.udp-socket`]: https://github.com/WebAssembly/WASI/blob/main/proposals/sockets/wit/types.wit
pub fn poll_readable(fd: RawFd, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    match descriptor::socket_of(fd) {
        Ok(socket) => socket.poll(Direction::Read, cx).map(Ok),
        Err(err) => Poll::Ready(Err(err)),
    }
}

/// `poll_writable(fd, cx)`—Wait until a socket can be written to, or is connected.
///
/// As [`poll_readable`].
///
/// # Errors
///
/// [`io::ErrorKind::Unsupported`] if `fd` is no socket of WASI 0.3.
///
/// # References
///
/// - [`wasi:sockets/types.tcp-socket`], `connect` and `send`; [`wasi:sockets/types.udp-socket`], `send`
///
/// [`wasi:sockets/types.tcp-socket`]: https://github.com/WebAssembly/WASI/blob/main/proposals/sockets/wit/types.wit
/// [`wasi:sockets/types.udp-socket`]: https://github.com/WebAssembly/WASI/blob/main/proposals/sockets/wit/types.wit
pub fn poll_writable(fd: RawFd, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    match descriptor::socket_of(fd) {
        Ok(socket) => socket.poll(Direction::Write, cx).map(Ok),
        Err(err) => Poll::Ready(Err(err)),
    }
}

/// `forget(fd)`—Forget whom to wake for a socket, in both directions.
pub fn forget(fd: RawFd) {
    if let Ok(socket) = descriptor::socket_of(fd) {
        match &socket.kind {
            Kind::Tcp(tcp) => tcp.forget(),
            Kind::Udp(udp) => udp.forget(),
        }
    }
}
