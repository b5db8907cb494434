//! Sends an [`http_body::Body`] through a `wasi:http/types.outgoing-body`.

use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::task::{ready, Context, Poll};

use bytes::Buf;
use http::HeaderMap;
use http_body::Body;
use wasip2::http::types::OutgoingBody;
use wasip2::io::streams::{OutputStream, StreamError};

use crate::reactor::{Reactor, Waiter};
use crate::wasi::stream_error;
use crate::{fields, Error};

/// The most that the host takes in one call that also flushes, in bytes.
const MAX_WHOLE: usize = 4096;

/// How many pieces of a body that never has to wait are sent before other
/// tasks have their turn.
const TURN: usize = 64;

/// A body on its way to the host.
///
/// It is finished if, and only if, the host took all of it. Where the body
/// fails, where the host wants no more of it, and where this is dropped half
/// way, the host is left to abort the message, so that no part of a body ever
/// looks like a whole one.
pub(crate) struct Outgoing<B: Body, R: Reactor> {
    // In this order they must be dropped, and fields are.
    wait: Option<R::Waiter>,
    stream: Option<OutputStream>,
    message: Option<OutgoingBody>,

    reactor: R,
    body: Pin<Box<B>>,
    /// What the body gave and the host did not take yet.
    data: Option<B::Data>,
    trailers: Option<HeaderMap>,
    progress: Progress,
    /// Why the host did not take what [`Outgoing::begin`] gave it.
    refused: Option<Error>,
    /// Whether nobody has anything to do while this blocks.
    alone: fn() -> bool,
}

#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Progress {
    /// The host was given bytes since it was last told to flush.
    Written,
    /// Everything that it was given, it was told to send.
    Flushed,
    /// The body has ended, and the host was told to send all of it.
    Ended,
    /// It has sent it.
    Over,
}

/// Why the host takes no more bytes.
enum Stop {
    /// It wants none. What became of the message, it tells elsewhere.
    Closed,
    Failed(Error),
}

impl<B, R> Outgoing<B, R>
where
    B: Body,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
    R: Reactor,
{
    /// Sends `body` as the body of `message`, which nothing was written to.
    pub(crate) fn new(message: OutgoingBody, body: B, reactor: R) -> Outgoing<B, R> {
        let stream = message.write().expect("its stream was not taken before");
        Outgoing {
            wait: None,
            stream: Some(stream),
            message: Some(message),
            reactor,
            body: Box::pin(body),
            data: None,
            trailers: None,
            progress: Progress::Flushed,
            refused: None,
            alone: || false,
        }
    }

    /// Has the wait for the host's last flush block, if `alone` says that nobody
    /// else has anything to do meanwhile. That is a single call of it, and with a
    /// small body the only one.
    pub(crate) fn block_if(mut self, alone: fn() -> bool) -> Outgoing<B, R> {
        self.alone = alone;
        self
    }

    /// Gives the host the first piece of the body, if that is there and the
    /// host takes it at once. It need not have the message's head yet, and can
    /// send both together then. A small body that is [sent whole](Self::is_whole)
    /// is left until it has.
    ///
    /// # Errors
    ///
    /// Whether the body fails at once. There is nothing to be polled then.
    pub(crate) fn begin(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        match self.body.as_mut().poll_frame(cx) {
            Poll::Ready(Some(frame)) => match frame.map_err(Error::body)?.into_data() {
                Ok(data) => self.data = Some(data),
                Err(frame) => self.trailers = frame.into_trailers().ok(),
            },
            Poll::Ready(None) => self.progress = Progress::Ended,
            Poll::Pending => {}
        }
        if self.data.as_ref().is_some_and(Buf::has_remaining) && !self.is_whole() {
            if let Ok(permit @ 1..) = self.stream().check_write() {
                let permit = usize::try_from(permit).unwrap_or(usize::MAX);
                if let Err(Stop::Failed(error)) = self.write(permit) {
                    // It may have taken a part, which belongs to the head.
                    self.refused = Some(error);
                }
            }
            // Anything else, the host says again when it is asked next.
        }
        Ok(())
    }

    /// Whether the data that is there is all of a small body, and may be sent by
    /// a call that blocks.
    fn is_whole(&self) -> bool {
        let is_small = |data: &B::Data| {
            let length = data.remaining();
            length <= MAX_WHOLE && data.chunk().len() == length
        };
        self.data.as_ref().is_some_and(is_small) && self.body.is_end_stream() && (self.alone)()
    }

    fn stream(&self) -> &OutputStream {
        self.stream.as_ref().expect("not polled once it is done")
    }

    /// Writes up to `permit` bytes of the data that is there.
    fn write(&mut self, permit: usize) -> Result<(), Stop> {
        let data = self.data.as_ref().expect("it is there");
        let chunk = data.chunk();
        let length = chunk.len().min(permit);
        self.stream().write(&chunk[..length])?;
        self.data.as_mut().expect("it is there").advance(length);
        self.progress = Progress::Written;
        Ok(())
    }

    /// Writes the data that is there, and sees it sent.
    fn write_whole(&mut self) -> Result<(), Stop> {
        let data = self.data.take().expect("it is there");
        self.stream().blocking_write_and_flush(data.chunk())?;
        self.progress = Progress::Over;
        Ok(())
    }

    /// How many bytes the host takes now, which is never none.
    fn poll_permit(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Stop>> {
        loop {
            match self.stream().check_write() {
                Ok(0) => {}
                Ok(permit) => {
                    return Poll::Ready(Ok(usize::try_from(permit).unwrap_or(usize::MAX)))
                }
                Err(error) => return Poll::Ready(Err(error.into())),
            }
            let wait = match &mut self.wait {
                Some(wait) => wait,
                None => match self.reactor.register(self.stream().subscribe()) {
                    Ok(wait) => self.wait.insert(wait),
                    Err(error) => return Poll::Ready(Err(Stop::Failed(Error::wait(error)))),
                },
            };
            if let Err(error) = ready!(wait.poll_ready(cx)) {
                return Poll::Ready(Err(Stop::Failed(Error::wait(error))));
            }
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Stop>> {
        if let Some(error) = self.refused.take() {
            return Poll::Ready(Err(Stop::Failed(error)));
        }
        for _ in 0..TURN {
            if self.data.as_ref().is_some_and(Buf::has_remaining) {
                if self.is_whole() {
                    self.write_whole()?;
                    continue;
                }
                let permit = ready!(self.poll_permit(cx))?;
                self.write(permit)?;
                continue;
            }
            if self.trailers.is_some() && self.progress < Progress::Ended {
                self.end()?;
            }
            if self.progress >= Progress::Ended {
                if self.progress == Progress::Ended {
                    // A flush is over when the host takes bytes again.
                    ready!(self.poll_permit(cx))?;
                }
                return Poll::Ready(self.finish());
            }
            match self.body.as_mut().poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.data = Some(data),
                    Err(frame) => self.trailers = frame.into_trailers().ok(),
                },
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Err(Stop::Failed(Error::body(error))))
                }
                Poll::Ready(None) => self.end()?,
                Poll::Pending => {
                    // The other side may wait for what there is so far.
                    if self.progress == Progress::Written {
                        self.flush()?;
                    }
                    return Poll::Pending;
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn end(&mut self) -> Result<(), Stop> {
        if self.progress == Progress::Written {
            if (self.alone)() {
                self.stream().blocking_flush()?;
                self.progress = Progress::Over;
                return Ok(());
            }
            self.flush()?;
        }
        self.progress = Progress::Ended;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Stop> {
        self.stream().flush()?;
        self.progress = Progress::Flushed;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Stop> {
        let trailers = match self.trailers.take() {
            Some(trailers) => Some(fields::to_host(&trailers).map_err(Stop::Failed)?),
            None => None,
        };
        self.wait = None;
        self.stream = None;
        let message = self.message.take().expect("not polled once it is done");
        OutgoingBody::finish(message, trailers).map_err(|code| Stop::Failed(code.into()))
    }

    /// Gives the host's side back; unless it was finished, the message is
    /// aborted by that.
    fn release(&mut self) {
        self.wait = None;
        self.stream = None;
        self.message = None;
    }
}

impl<B, R> Future for Outgoing<B, R>
where
    B: Body,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
    R: Reactor,
{
    /// Whether sending failed. That the host wants no more is no failure.
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let result = ready!(self.poll_send(cx));
        self.release();
        Poll::Ready(match result {
            Ok(()) | Err(Stop::Closed) => Ok(()),
            Err(Stop::Failed(error)) => Err(error),
        })
    }
}

// The body is pinned in its own box, and nothing else needs to be.
impl<B: Body, R: Reactor> Unpin for Outgoing<B, R> {}

impl From<StreamError> for Stop {
    fn from(error: StreamError) -> Stop {
        match error {
            StreamError::Closed => Stop::Closed,
            StreamError::LastOperationFailed(error) => Stop::Failed(stream_error(error)),
        }
    }
}
