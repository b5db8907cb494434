//! The standard streams, without blocking.
//!
//! They are the program's, not somebody's: what was read and not taken yet stays
//! for the next reader, and what was written goes on if the writer is gone.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::io;
use std::task::{Context, Poll, Waker};

use crate::subtask::store;
use crate::{abi, set, wait};

/// Bytes that are read, or written, at once.
const BUFFER: usize = 16 * 1024;

/// An operation on a whole buffer, which the host owns until it is done.
struct Transfer {
    stream: Cell<u32>,
    joined: Cell<bool>,
    pending: Cell<bool>,
    dropped: Cell<bool>,
    /// How many bytes of the buffer are done.
    done: Cell<usize>,
    waker: RefCell<Option<Waker>>,
}

impl Transfer {
    const fn new() -> Transfer {
        Transfer {
            stream: Cell::new(0),
            joined: Cell::new(false),
            pending: Cell::new(false),
            dropped: Cell::new(false),
            done: Cell::new(0),
            waker: RefCell::new(None),
        }
    }

    fn started(&'static self, code: u32) {
        if code != abi::BLOCKED {
            return self.finished(code);
        }
        self.pending.set(true);
        set::begun();
        if !self.joined.replace(true) {
            let this = (&raw const *self).cast_mut().cast();
            // SAFETY: it is a stream's end, which is never dropped.
            unsafe { set::join(self.stream.get(), happened, this) };
        }
    }

    fn finished(&self, code: u32) {
        self.done.set(self.done.get() + (code >> 4) as usize);
        if code & 15 == abi::DROPPED {
            self.dropped.set(true);
        }
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.pending.get() {
            return Poll::Ready(());
        }
        store(&mut self.waker.borrow_mut(), cx);
        Poll::Pending
    }
}

/// # Safety
///
/// `transfer` is a pointer to a `Transfer` that lives for ever.
unsafe extern "C" fn happened(transfer: *mut c_void, code: u32) {
    // SAFETY: as said above.
    let transfer = unsafe { &*transfer.cast::<Transfer>() };
    if transfer.pending.replace(false) {
        set::ended();
    }
    transfer.finished(code);
    let waker = transfer.waker.take();
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// A stream, which lives for ever.
struct Stream {
    transfer: Transfer,
    buffer: RefCell<Vec<u8>>,
    /// How many bytes of the buffer are taken.
    taken: Cell<usize>,
}

impl Stream {
    fn leak() -> &'static Stream {
        Box::leak(Box::new(Stream {
            transfer: Transfer::new(),
            buffer: RefCell::new(Vec::new()),
            taken: Cell::new(0),
        }))
    }
}

thread_local! {
    static STDIN: &'static Stream = Stream::leak();
    static STDOUT: (Cell<bool>, &'static Stream) = (Cell::new(false), Stream::leak());
    static STDERR: (Cell<bool>, &'static Stream) = (Cell::new(false), Stream::leak());
}

/// `poll_stdin(cx, buf) -> Poll<io::Result<usize>>`—Read from the standard input.
///
/// Returns how many bytes were read, 0 at the end. The waker is woken when there
/// is more.
///
/// # References
///
/// - [`wasi:cli/stdin.read-via-stream`]
///
/// [`wasi:cli/stdin.read-via-stream`]: https://github.com/WebAssembly/WASI/blob/main/proposals/cli/wit/stdio.wit
pub fn poll_stdin(cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
    let stdin = STDIN.with(|stdin| *stdin);
    let transfer = &stdin.transfer;
    if buf.is_empty() {
        return Poll::Ready(Ok(0));
    }
    loop {
        if transfer.poll(cx).is_pending() {
            return Poll::Pending;
        }
        let mut buffer = stdin.buffer.borrow_mut();
        let (taken, done) = (stdin.taken.get(), transfer.done.get());
        if taken < done {
            let n = buf.len().min(done - taken);
            buf[..n].copy_from_slice(&buffer[taken..taken + n]);
            stdin.taken.set(taken + n);
            return Poll::Ready(Ok(n));
        }
        if transfer.dropped.get() {
            return Poll::Ready(Ok(0));
        }
        buffer.resize(BUFFER, 0);
        stdin.taken.set(0);
        transfer.done.set(0);
        // SAFETY: there is room for both handles; and the buffer stays as it is,
        // and is not looked at, until the read is done.
        unsafe {
            if transfer.stream.get() == 0 {
                let mut both = [0; 2];
                abi::stdin::read_via_stream(&mut both);
                transfer.stream.set(both[0]);
            }
            let stream = transfer.stream.get();
            transfer.started(abi::stdin::read(stream, buffer.as_mut_ptr(), BUFFER));
        }
    }
}

/// Where to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// The standard output.
    Stdout,
    /// The standard error.
    Stderr,
}

impl Output {
    fn stream(self) -> &'static Stream {
        let this = match self {
            Output::Stdout => &STDOUT,
            Output::Stderr => &STDERR,
        };
        this.with(|(used, stream)| {
            used.set(true);
            *stream
        })
    }

    /// Writes what is left of the buffer. The stream is open.
    fn write_on(self, stream: &'static Stream) {
        let transfer = &stream.transfer;
        let buffer = stream.buffer.borrow();
        let rest = &buffer[transfer.done.get()..];
        let (from, n) = (rest.as_ptr().cast_mut(), rest.len());
        // SAFETY: the buffer stays as it is until the write is done.
        let code = unsafe {
            match self {
                Output::Stdout => abi::stdout::write(transfer.stream.get(), from, n),
                Output::Stderr => abi::stderr::write(transfer.stream.get(), from, n),
            }
        };
        transfer.started(code);
    }

    /// `poll_flush(cx) -> Poll<io::Result<()>>`—Wait until all that was written is
    /// the host's.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::BrokenPipe`] if the host does not take any more.
    pub fn poll_flush(self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = self.stream();
        let transfer = &stream.transfer;
        loop {
            if transfer.poll(cx).is_pending() {
                return Poll::Pending;
            }
            if transfer.done.get() == stream.buffer.borrow().len() {
                return Poll::Ready(Ok(()));
            }
            if transfer.dropped.get() {
                transfer.done.set(stream.buffer.borrow().len());
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            self.write_on(stream);
        }
    }

    /// `poll_write(cx, buf) -> Poll<io::Result<usize>>`—Write as much of `buf` as is
    /// copied at once, 16 KiB at most.
    ///
    /// The write goes on by itself; [`poll_flush`](Output::poll_flush) waits for it.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::BrokenPipe`] if the host does not take any more.
    ///
    /// # References
    ///
    /// - [`wasi:cli/stdout.write-via-stream`]
    ///
    /// [`wasi:cli/stdout.write-via-stream`]: https://github.com/WebAssembly/WASI/blob/main/proposals/cli/wit/stdio.wit
    pub fn poll_write(self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.poll_flush(cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(err)) => return Poll::Ready(Err(err)),
            Poll::Pending => return Poll::Pending,
        }
        let n = buf.len().min(BUFFER);
        if n == 0 {
            return Poll::Ready(Ok(0));
        }
        let stream = self.stream();
        let transfer = &stream.transfer;
        if transfer.dropped.get() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if transfer.stream.get() == 0 {
            // SAFETY: the stream is new, and its readable end is passed on. The
            // future that is returned is left alone.
            unsafe {
                let ends = match self {
                    Output::Stdout => abi::stdout::new(),
                    Output::Stderr => abi::stderr::new(),
                };
                let _result = match self {
                    Output::Stdout => abi::stdout::write_via_stream(ends as u32),
                    Output::Stderr => abi::stderr::write_via_stream(ends as u32),
                };
                transfer.stream.set((ends >> 32) as u32);
            }
        }
        let mut buffer = stream.buffer.borrow_mut();
        buffer.clear();
        buffer.extend_from_slice(&buf[..n]);
        drop(buffer);
        transfer.done.set(0);
        self.write_on(stream);
        Poll::Ready(Ok(n))
    }
}

/// Waits until what was written is written, at the end of the program.
pub(crate) fn finish() {
    for (output, this) in [(Output::Stdout, &STDOUT), (Output::Stderr, &STDERR)] {
        if !this.with(|(used, _)| used.get()) {
            continue;
        }
        let mut cx = Context::from_waker(Waker::noop());
        while output.poll_flush(&mut cx).is_pending() {
            if wait(None).is_err() {
                break;
            }
        }
    }
}
