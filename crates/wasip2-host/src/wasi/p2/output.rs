//! A guest's standard output and error.
//!
//! wasmtime-wasi writes to this process's streams at once, and if the reader is
//! slow, the guest stands still until it has read, with all of its timers and
//! sockets. Here the guest is told how much can be written without that, and
//! waits for more as it waits for anything else.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncWrite, Interest};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

/// What can be written at once to a pipe that poll(2) says can be written to;
/// see `PIPE_BUF` in pipe(7).
const AT_ONCE: usize = 4096;

/// One of this process's streams.
#[derive(Clone, Debug)]
pub struct Output {
    stream: Stream,
    /// A descriptor beside the stream's own, to be polled.
    descriptor: Arc<OwnedFd>,
}

#[derive(Clone, Copy, Debug)]
enum Stream {
    Stdout,
    Stderr,
}

static STDOUT: OnceLock<Arc<OwnedFd>> = OnceLock::new();
static STDERR: OnceLock<Arc<OwnedFd>> = OnceLock::new();

/// A descriptor like `stream`, the same for every guest of this process.
fn kept(place: &OnceLock<Arc<OwnedFd>>, stream: BorrowedFd) -> io::Result<Arc<OwnedFd>> {
    if let Some(kept) = place.get() {
        return Ok(kept.clone());
    }
    let own = Arc::new(stream.try_clone_to_owned()?);
    Ok(place.get_or_init(|| own).clone())
}

impl Output {
    /// Standard output.
    pub fn stdout() -> io::Result<Output> {
        Ok(Output {
            stream: Stream::Stdout,
            descriptor: kept(&STDOUT, io::stdout().as_fd())?,
        })
    }

    /// Standard error.
    pub fn stderr() -> io::Result<Output> {
        Ok(Output {
            stream: Stream::Stderr,
            descriptor: kept(&STDERR, io::stderr().as_fd())?,
        })
    }

    /// Whether a write would not block. A stream that has failed can be
    /// written to: that is how the guest gets to know.
    fn is_writable(&self) -> bool {
        let mut polled = [PollFd::new(&*self.descriptor, PollFlags::OUT)];
        !matches!(poll(&mut polled, Some(&Timespec::default())), Ok(0))
    }

    /// Writes all of `bytes`. Flushed at once, so that nothing is ever left to
    /// be flushed when a write would block.
    fn write_now(&self, bytes: &[u8]) -> io::Result<()> {
        match self.stream {
            Stream::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(bytes).and_then(|()| stdout.flush())
            }
            Stream::Stderr => io::stderr().write_all(bytes),
        }
    }

    /// The descriptor, so that it can be waited for.
    fn watch(&self) -> io::Result<AsyncFd<OwnedFd>> {
        // A descriptor for each wait: epoll(7) takes one only once.
        let descriptor = self.descriptor.try_clone()?;
        // SAFETY: an `OwnedFd` stays one open descriptor for as long as it lives.
        unsafe { AsyncFd::register_with_interest(descriptor, Interest::WRITABLE) }
            .map_err(io::Error::from)
    }
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.write_now(&bytes).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => StreamError::Closed,
            _ => StreamError::LastOperationFailed(error.into()),
        })
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(if self.is_writable() { AT_ONCE } else { 0 })
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {
        if self.is_writable() {
            return;
        }
        if let Ok(watched) = self.watch() {
            let _ = watched.writable().await;
        }
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        io::IsTerminal::is_terminal(&*self.descriptor)
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(Writer {
            output: self.clone(),
            watched: None,
        })
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

/// A stream of WASI 0.3's to one of this process's streams.
struct Writer {
    output: Output,
    /// The descriptor, from the first write on that would have blocked.
    watched: Option<AsyncFd<OwnedFd>>,
}

impl AsyncWrite for Writer {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        while !self.output.is_writable() {
            if self.watched.is_none() {
                self.watched = Some(self.output.watch()?);
            }
            if let Some(watched) = &self.watched {
                ready!(watched.poll_write_ready(context))?.clear_ready();
            }
        }
        let length = bytes.len().min(AT_ONCE);
        self.output.write_now(&bytes[..length])?;
        Poll::Ready(Ok(length))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
