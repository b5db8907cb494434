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
use crate::{fields, Error};

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
}

#[derive(Clone, Copy, PartialEq)]
enum Progress {
    /// The host was given bytes since it was last told to flush.
    Written,
    /// Everything that it was given, it was told to send.
    Flushed,
    /// The body has ended, and the host was told to send all of it.
    Ended,
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
        }
    }

    /// How many bytes the host takes now, which is never none.
    fn poll_permit(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Stop>> {
        loop {
            let stream = self.stream.as_ref().expect("not polled once it is done");
            match stream.check_write() {
                Ok(0) => {}
                Ok(permit) => {
                    return Poll::Ready(Ok(usize::try_from(permit).unwrap_or(usize::MAX)))
                }
                Err(error) => return Poll::Ready(Err(error.into())),
            }
            let wait = match &mut self.wait {
                Some(wait) => wait,
                None => match self.reactor.register(stream.subscribe()) {
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
        for _ in 0..TURN {
            if self.data.as_ref().is_some_and(Buf::has_remaining) {
                let permit = ready!(self.poll_permit(cx))?;
                let data = self.data.as_mut().expect("it is there");
                let chunk = data.chunk();
                let length = chunk.len().min(permit);
                let stream = self.stream.as_ref().expect("not polled once it is done");
                stream.write(&chunk[..length])?;
                data.advance(length);
                self.progress = Progress::Written;
                continue;
            }
            if self.progress == Progress::Ended {
                // A flush is over when the host takes bytes again.
                ready!(self.poll_permit(cx))?;
                return Poll::Ready(self.finish());
            }
            match self.body.as_mut().poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.data = Some(data),
                    Err(frame) => {
                        if let Ok(trailers) = frame.into_trailers() {
                            self.trailers = Some(trailers);
                            self.end()?;
                        }
                    }
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
            self.flush()?;
        }
        self.progress = Progress::Ended;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Stop> {
        self.stream
            .as_ref()
            .expect("not polled once it is done")
            .flush()?;
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
            StreamError::LastOperationFailed(error) => Stop::Failed(Error::stream(error)),
        }
    }
}
