//! A TCP socket.

use std::cell::{Cell, RefCell};
use std::ffi::c_int;
use std::net::SocketAddr;
use std::task::{Context, Poll, Waker};

use super::address::{self, error, flatten, lower};
use super::{call, call_with, Area};
use crate::abi::{self, tcp};
use crate::end::{Done, End, Operations};
use crate::subtask::{store, Call};

static READ: Operations = Operations {
    start: tcp::read,
    cancel: tcp::cancel_read,
    drop: tcp::drop_readable,
};

static WRITE: Operations = Operations {
    start: tcp::write,
    cancel: tcp::cancel_write,
    drop: tcp::drop_writable,
};

static ACCEPT: Operations = Operations {
    start: tcp::accept,
    cancel: tcp::cancel_accept,
    drop: tcp::drop_accept,
};

/// Bytes that are kept at most for whoever peeked at them.
const PEEK: usize = 64 * 1024;

pub(crate) struct Tcp {
    // Dropped before the socket, as the subtask borrows it.
    phase: RefCell<Phase>,
    handle: Handle,
    pub(super) family: c_int,
    /// The error of a connect that was not waited for.
    error: Cell<c_int>,
    bound: Cell<bool>,
    /// Whom to wake for reading, once it is connected.
    reader: RefCell<Option<Waker>>,
    /// What was set, though there is no such option in WASI.
    pub(super) no_delay: Cell<bool>,
    /// As above.
    pub(super) reuse: Cell<bool>,
}

/// A `tcp-socket`.
struct Handle(u32);

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: it is a socket's handle, and known of here alone.
        unsafe { tcp::drop(self.0) };
    }
}

enum Phase {
    New,
    Connecting(Call<[u32; 14]>),
    Connected(Connection),
    Listening(End),
    Failed,
}

#[derive(Default)]
struct Connection {
    input: Option<Half>,
    input_over: bool,
    peeked: Vec<u8>,
    output: Option<Half>,
    output_over: bool,
}

struct Half {
    end: End,
    result: Outcome,
}

/// A `future<result<_, error-code>>`.
struct Outcome(u32);

impl Outcome {
    /// Why the stream has ended.
    fn error(&self) -> Option<c_int> {
        let mut area = Area::default();
        // SAFETY: no operation is pending on it, and there is room for its
        // result; where it is cancelled, the memory is not used any more.
        unsafe {
            let mut code = tcp::read_result(self.0, area.ptr());
            if code == abi::BLOCKED {
                code = tcp::cancel_read_result(self.0);
            }
            if code & 15 == 0 && area.0[0] != 0 {
                return Some(error(&area.0[4..]));
            }
        }
        None
    }
}

impl Drop for Outcome {
    fn drop(&mut self) {
        // SAFETY: it is a future's handle, and known of here alone.
        unsafe { tcp::drop_result(self.0) };
    }
}

impl Tcp {
    pub(super) fn new(family: c_int) -> Result<Tcp, c_int> {
        let area = call(|to| {
            // SAFETY: there is room for the result.
            unsafe { tcp::create(u32::from(family == libc::AF_INET6), to) }
        })?;
        Ok(Tcp::with(area.number(), family, Phase::New))
    }

    fn with(handle: u32, family: c_int, phase: Phase) -> Tcp {
        Tcp {
            phase: RefCell::new(phase),
            handle: Handle(handle),
            family,
            error: Cell::new(0),
            bound: Cell::new(false),
            reader: RefCell::new(None),
            no_delay: Cell::new(false),
            reuse: Cell::new(false),
        }
    }

    pub(super) fn bind(&self, address: &SocketAddr) -> Result<(), c_int> {
        // SAFETY: the handle is a socket's, and there is room for the result.
        call(|to| unsafe { tcp::bind(self.handle.0, flatten(address), to) })?;
        self.bound.set(true);
        Ok(())
    }

    pub(super) fn connect(&self, address: &SocketAddr) -> Result<(), c_int> {
        if address::family(address) != self.family {
            return Err(libc::EAFNOSUPPORT);
        }
        self.settle();
        let mut phase = self.phase.borrow_mut();
        match &*phase {
            Phase::New => {}
            Phase::Connecting(_) => return Err(libc::EALREADY),
            Phase::Connected(_) => return Err(libc::EISCONN),
            Phase::Listening(_) => return Err(libc::EOPNOTSUPP),
            Phase::Failed => return Err(libc::EINVAL),
        }
        // Handle and address, then the result.
        let mut memory = [0; 14];
        memory[0] = self.handle.0;
        for (to, bytes) in memory[1..9].iter_mut().zip(lower(address).chunks_exact(4)) {
            *to = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        *phase = Phase::Connecting(Call::start(memory, |memory| {
            let memory = memory.cast::<u32>();
            // SAFETY: parameters and result stay until the call is done.
            unsafe { tcp::connect(memory.cast(), memory.add(9).cast()) }
        }));
        drop(phase);
        self.settle();
        match &*self.phase.borrow() {
            Phase::Connecting(_) => Err(libc::EINPROGRESS),
            Phase::Failed => Err(self.error.take()),
            _ => Ok(()),
        }
    }

    /// Takes the result of a connect that is done.
    fn settle(&self) {
        let mut phase = self.phase.borrow_mut();
        if !matches!(&*phase, Phase::Connecting(call) if call.is_done()) {
            return;
        }
        let Phase::Connecting(call) = std::mem::replace(&mut *phase, Phase::Failed) else {
            return;
        };
        let memory = call.into_memory();
        let result: Vec<u8> = memory[9..].iter().flat_map(|n| n.to_le_bytes()).collect();
        if result[0] == 0 {
            self.bound.set(true);
            *phase = Phase::Connected(Connection::default());
        } else {
            // SAFETY: the call is done, so this is an error, for the first time.
            self.error.set(unsafe { error(&result[4..]) });
        }
        drop(phase);
        if let Some(reader) = self.reader.take() {
            let mut cx = Context::from_waker(&reader);
            if self.poll_readable(&mut cx).is_ready() {
                reader.wake();
            }
        }
    }

    /// Whether a connect is neither done nor failed.
    pub(super) fn is_connecting(&self) -> bool {
        self.settle();
        matches!(&*self.phase.borrow(), Phase::Connecting(_))
    }

    /// The error of a connect, once.
    pub(super) fn take_error(&self) -> c_int {
        self.settle();
        self.error.take()
    }

    pub(super) fn listen(&self, backlog: u32) -> Result<(), c_int> {
        let mut phase = self.phase.borrow_mut();
        // SAFETY: the handle is a socket's, and there is room for the result.
        let _ = call(|to| unsafe {
            tcp::set_listen_backlog_size(self.handle.0, backlog.max(1).into(), to)
        });
        match &*phase {
            Phase::New => {}
            Phase::Listening(_) => return Ok(()),
            _ => return Err(libc::EINVAL),
        }
        // SAFETY: as above.
        let area = call(|to| unsafe { tcp::listen(self.handle.0, to) })?;
        self.bound.set(true);
        *phase = Phase::Listening(End::new(area.number(), &ACCEPT));
        Ok(())
    }

    pub(super) fn is_listening(&self) -> bool {
        matches!(&*self.phase.borrow(), Phase::Listening(_))
    }

    pub(super) fn accept(&self) -> Result<Tcp, c_int> {
        let phase = self.phase.borrow();
        let Phase::Listening(end) = &*phase else {
            return Err(libc::EINVAL);
        };
        let mut socket = 0u32;
        // SAFETY: an item of the stream is a handle, and there is room for one.
        match unsafe { end.transfer((&raw mut socket).cast(), 1) } {
            Done::Some(_) => {
                let phase = Phase::Connected(Connection::default());
                let tcp = Tcp::with(socket, self.family, phase);
                tcp.bound.set(true);
                Ok(tcp)
            }
            Done::Dropped => Err(libc::EINVAL),
            Done::Blocked => Err(libc::EAGAIN),
        }
    }

    /// # Safety
    ///
    /// `to` points to room for `len` bytes.
    pub(super) unsafe fn receive(
        &self,
        to: *mut u8,
        len: usize,
        peek: bool,
    ) -> Result<usize, c_int> {
        self.settle();
        let mut phase = self.phase.borrow_mut();
        let connection = phase.connection()?;
        if connection.peeked.is_empty() {
            if !peek || len == 0 {
                // SAFETY: as the caller says.
                return unsafe { connection.read(self.handle.0, to, len) };
            }
            let mut peeked = Vec::with_capacity(len.min(PEEK));
            // SAFETY: there is room for so many bytes, and as many are
            // initialised as the call has read.
            unsafe {
                let room = peeked.capacity();
                let n = connection.read(self.handle.0, peeked.as_mut_ptr(), room)?;
                peeked.set_len(n);
            }
            connection.peeked = peeked;
        }
        let n = len.min(connection.peeked.len());
        // SAFETY: neither side has fewer bytes.
        unsafe { std::ptr::copy_nonoverlapping(connection.peeked.as_ptr(), to, n) };
        if !peek {
            connection.peeked.drain(..n);
        }
        Ok(n)
    }

    /// # Safety
    ///
    /// `from` points to `len` bytes.
    pub(super) unsafe fn send(&self, from: *const u8, len: usize) -> Result<usize, c_int> {
        self.settle();
        let mut phase = self.phase.borrow_mut();
        let connection = phase.connection()?;
        if connection.output_over {
            return Err(libc::EPIPE);
        }
        if len == 0 {
            return Ok(0);
        }
        let output = connection.output(self.handle.0);
        // SAFETY: as the caller says; the bytes are only read.
        match unsafe { output.end.transfer(from.cast_mut(), len) } {
            Done::Some(n) => Ok(n),
            Done::Blocked => Err(libc::EAGAIN),
            Done::Dropped => {
                let error = output.result.error().unwrap_or(libc::EPIPE);
                connection.output_over = true;
                Err(error)
            }
        }
    }

    pub(super) fn shutdown(&self, read: bool, write: bool) -> Result<(), c_int> {
        self.settle();
        let mut phase = self.phase.borrow_mut();
        let connection = phase.connection()?;
        if read {
            connection.input(self.handle.0);
            connection.input = None;
            connection.input_over = true;
            connection.peeked = Vec::new();
        }
        if write && !connection.output_over {
            // Without a stream there is none whose end could be seen.
            connection.output(self.handle.0);
            connection.output = None;
            connection.output_over = true;
        }
        Ok(())
    }

    pub(super) fn local_address(&self) -> Result<Option<SocketAddr>, c_int> {
        if !self.bound.get() {
            return Ok(None);
        }
        // SAFETY: the handle is a socket's, and there is room for the result.
        call(|to| unsafe { tcp::local_address(self.handle.0, to) }).map(|area| Some(area.address()))
    }

    pub(super) fn remote_address(&self) -> Result<SocketAddr, c_int> {
        self.settle();
        self.phase.borrow_mut().connection()?;
        // SAFETY: as above.
        call(|to| unsafe { tcp::remote_address(self.handle.0, to) })
            .map(|area| area.address())
            .map_err(|_| libc::ENOTCONN)
    }

    pub(super) fn option(&self, option: Opt) -> Result<u64, c_int> {
        let handle = self.handle.0;
        // SAFETY: the handle is a socket's, and there is room for the result.
        let area = |get: unsafe extern "C" fn(u32, *mut u8)| call(|to| unsafe { get(handle, to) });
        // SAFETY: as above.
        let wide =
            |get: unsafe extern "C" fn(u32, *mut u8)| call_with(8, |to| unsafe { get(handle, to) });
        Ok(match option {
            Opt::KeepAlive => u64::from(area(tcp::keep_alive_enabled)?.number() as u8),
            Opt::KeepAliveCount => area(tcp::keep_alive_count)?.number().into(),
            Opt::HopLimit => u64::from(area(tcp::hop_limit)?.number() as u8),
            Opt::KeepAliveIdle => wide(tcp::keep_alive_idle_time)?.wide(),
            Opt::KeepAliveInterval => wide(tcp::keep_alive_interval)?.wide(),
            Opt::ReceiveBuffer => wide(tcp::receive_buffer_size)?.wide(),
            Opt::SendBuffer => wide(tcp::send_buffer_size)?.wide(),
        })
    }

    pub(super) fn set_option(&self, option: Opt, value: u64) -> Result<(), c_int> {
        let handle = self.handle.0;
        let small = u32::try_from(value).map_err(|_| libc::EINVAL);
        let four = |set: unsafe extern "C" fn(u32, u32, *mut u8)| {
            let value = small?;
            // SAFETY: the handle is a socket's, and there is room for the result.
            call(|to| unsafe { set(handle, value, to) }).map(drop)
        };
        let eight = |set: unsafe extern "C" fn(u32, u64, *mut u8)| {
            // SAFETY: as above.
            call(|to| unsafe { set(handle, value, to) }).map(drop)
        };
        match option {
            Opt::KeepAlive => four(tcp::set_keep_alive_enabled),
            Opt::KeepAliveCount => four(tcp::set_keep_alive_count),
            Opt::HopLimit if value > 255 => Err(libc::EINVAL),
            Opt::HopLimit => four(tcp::set_hop_limit),
            Opt::KeepAliveIdle => eight(tcp::set_keep_alive_idle_time),
            Opt::KeepAliveInterval => eight(tcp::set_keep_alive_interval),
            Opt::ReceiveBuffer => eight(tcp::set_receive_buffer_size),
            Opt::SendBuffer => eight(tcp::set_send_buffer_size),
        }
    }

    /// Whether an event may be there to be taken from the set.
    pub(super) fn is_pending(&self) -> bool {
        match &*self.phase.borrow() {
            Phase::Connecting(_) => true,
            Phase::Listening(end) => end.is_pending(),
            Phase::Connected(connection) => [&connection.input, &connection.output]
                .into_iter()
                .flatten()
                .any(|half| half.end.is_pending()),
            Phase::New | Phase::Failed => false,
        }
    }

    pub(super) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.settle();
        match &mut *self.phase.borrow_mut() {
            Phase::Connecting(call) => {
                // Whoever waits for the connection looks at it first.
                store(&mut self.reader.borrow_mut(), cx);
                call.poll_unless_awaited(cx)
            }
            Phase::Listening(end) => end.poll_ready(cx),
            Phase::Connected(connection) => {
                if connection.input_over || !connection.peeked.is_empty() {
                    return Poll::Ready(());
                }
                connection.input(self.handle.0).end.poll_ready(cx)
            }
            // What is not connected fails at once.
            Phase::Failed => Poll::Ready(()),
            Phase::New => Poll::Pending,
        }
    }

    pub(super) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.settle();
        match &mut *self.phase.borrow_mut() {
            Phase::Connecting(call) => call.poll(cx),
            Phase::Connected(connection) => {
                if connection.output_over {
                    return Poll::Ready(());
                }
                connection.output(self.handle.0).end.poll_ready(cx)
            }
            Phase::Failed => Poll::Ready(()),
            Phase::Listening(_) | Phase::New => Poll::Pending,
        }
    }

    pub(super) fn forget(&self) {
        self.reader.take();
        match &mut *self.phase.borrow_mut() {
            Phase::Connecting(call) => call.forget(),
            Phase::Listening(end) => end.forget(),
            Phase::Connected(connection) => {
                for half in [&connection.input, &connection.output]
                    .into_iter()
                    .flatten()
                {
                    half.end.forget();
                }
            }
            Phase::New | Phase::Failed => {}
        }
    }
}

impl Phase {
    fn connection(&mut self) -> Result<&mut Connection, c_int> {
        match self {
            Phase::Connected(connection) => Ok(connection),
            Phase::Connecting(_) => Err(libc::EAGAIN),
            _ => Err(libc::ENOTCONN),
        }
    }
}

impl Connection {
    fn input(&mut self, handle: u32) -> &mut Half {
        self.input.get_or_insert_with(|| {
            let mut both = [0; 2];
            // SAFETY: the handle is a socket's, and there is room for both.
            unsafe { tcp::receive(handle, &mut both) };
            Half {
                end: End::new(both[0], &READ),
                result: Outcome(both[1]),
            }
        })
    }

    fn output(&mut self, handle: u32) -> &mut Half {
        self.output.get_or_insert_with(|| {
            // SAFETY: the handle is a socket's. The stream is new, and its
            // readable end, the low half, is passed on.
            let (writer, result) = unsafe {
                let ends = tcp::new_stream();
                ((ends >> 32) as u32, tcp::send(handle, ends as u32))
            };
            Half {
                end: End::new(writer, &WRITE),
                result: Outcome(result),
            }
        })
    }

    /// # Safety
    ///
    /// `to` points to room for `len` bytes.
    unsafe fn read(&mut self, handle: u32, to: *mut u8, len: usize) -> Result<usize, c_int> {
        if self.input_over || len == 0 {
            return Ok(0);
        }
        let input = self.input(handle);
        // SAFETY: as the caller says.
        match unsafe { input.end.transfer(to, len) } {
            Done::Some(n) => Ok(n),
            Done::Blocked => Err(libc::EAGAIN),
            Done::Dropped => {
                let error = input.result.error();
                self.input_over = true;
                error.map_or(Ok(0), Err)
            }
        }
    }
}

/// An option that WASI has.
#[derive(Clone, Copy)]
pub(super) enum Opt {
    KeepAlive,
    /// In nanoseconds.
    KeepAliveIdle,
    /// In nanoseconds.
    KeepAliveInterval,
    KeepAliveCount,
    HopLimit,
    ReceiveBuffer,
    SendBuffer,
}
