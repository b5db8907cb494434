//! A `wasi:http/types.incoming-body` as an [`http_body::Body`].

use std::fmt;
use std::pin::Pin;
use std::task::{ready, Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use wasip2::http::types::IncomingBody;
use wasip2::io::streams::{InputStream, StreamError};

use super::trailers::Trailers;
use super::upload::Upload;
use crate::reactor::{Reactor, Waiter};
use crate::Error;

/// The most that is read at once, in bytes.
const MAX_READ: u64 = 64 * 1024;

/// The body of a message that was received.
///
/// Nothing is read from the host before it is polled for, so a slow reader
/// slows the sender down. Dropping it before its end aborts the exchange.
pub struct Incoming<R: Reactor> {
    // What is being sent goes first: it is the older half of the exchange.
    upload: Option<Upload>,
    state: State<R>,
    reactor: R,
    /// How many bytes are to come, if the message says so.
    remaining: Option<u64>,
    /// What was received before it was asked for.
    ahead: Option<Result<Frame<Bytes>, Error>>,
}

enum State<R: Reactor> {
    Data(Data<R>),
    Trailers(Trailers<R>),
    Ended,
}

struct Data<R: Reactor> {
    // In this order they must be dropped, and fields are.
    wait: Option<R::Waiter>,
    stream: InputStream,
    body: IncomingBody,
}

impl<R: Reactor> Incoming<R> {
    /// The body `body`, which nothing was taken of, of a message that has
    /// `headers`, or that has no body whatever they say.
    pub(crate) fn new(
        body: IncomingBody,
        headers: &HeaderMap,
        is_empty: bool,
        reactor: R,
    ) -> Incoming<R> {
        let remaining = match is_empty {
            true => Some(0),
            false => content_length(headers),
        };
        Incoming {
            upload: None,
            state: State::Data(Data {
                wait: None,
                stream: body.stream().expect("its stream was not taken before"),
                body,
            }),
            reactor,
            remaining,
            ahead: None,
        }
    }

    /// Finds out whether there is a body at all, where the headers do not say
    /// so and the host knows. Where none is `expected`, trailers after none
    /// are not asked for.
    pub(crate) fn look_ahead(&mut self, expected: bool, cx: &mut Context<'_>) {
        if self.remaining.is_some() {
            return;
        }
        if expected {
            if let Poll::Ready(frame) = self.poll(cx) {
                self.ahead = frame;
            }
            return;
        }
        match self.poll_data(cx) {
            Poll::Pending => {}
            Poll::Ready(None) => {
                self.state = State::Ended;
                self.remaining = Some(0);
            }
            Poll::Ready(Some(data)) => self.ahead = Some(data.map(Frame::data)),
        }
    }

    /// What is still being sent to who sends this.
    pub(crate) fn set_upload(&mut self, upload: Upload) {
        self.upload = Some(upload);
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let State::Data(data) = &mut self.state else {
            return Poll::Ready(None);
        };
        loop {
            match data.stream.read(MAX_READ) {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Poll::Ready(Some(Ok(bytes.into()))),
                Err(StreamError::Closed) => return Poll::Ready(None),
                Err(StreamError::LastOperationFailed(error)) => {
                    return Poll::Ready(Some(Err(Error::stream(error))))
                }
            }
            let wait = match &mut data.wait {
                Some(wait) => wait,
                None => match self.reactor.register(data.stream.subscribe()) {
                    Ok(wait) => data.wait.insert(wait),
                    Err(error) => return Poll::Ready(Some(Err(Error::wait(error)))),
                },
            };
            if let Err(error) = ready!(wait.poll_ready(cx)) {
                return Poll::Ready(Some(Err(Error::wait(error))));
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Some(error) = self
            .upload
            .as_mut()
            .and_then(|upload| upload.poll_error(cx))
        {
            return Poll::Ready(Some(Err(error)));
        }
        match ready!(self.poll_data(cx)) {
            Some(Ok(bytes)) => {
                if let Some(remaining) = &mut self.remaining {
                    *remaining = remaining.saturating_sub(bytes.len() as u64);
                }
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            None => {}
        }
        self.state = match std::mem::replace(&mut self.state, State::Ended) {
            State::Data(Data { wait, stream, body }) => {
                drop(wait);
                drop(stream);
                State::Trailers(Trailers::of(body))
            }
            state => state,
        };
        let State::Trailers(trailers) = &mut self.state else {
            return Poll::Ready(None);
        };
        match ready!(trailers.poll(&self.reactor, cx)) {
            Ok(trailers) => {
                self.end();
                Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
            }
            Err(error) => Poll::Ready(Some(Err(error))),
        }
    }

    /// Everything was received. A request that is still being sent is sent to
    /// its end, and the host would abort it with the response.
    fn end(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Ended);
        self.remaining = Some(0);
        if let Some(upload) = self.upload.take() {
            upload.detach(Some(Box::new(state)));
        }
    }

    fn abort(&mut self) {
        if let Some(upload) = self.upload.take() {
            upload.abort();
        }
        self.state = State::Ended;
        self.remaining = Some(0);
    }
}

impl<R: Reactor> Body for Incoming<R> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = match self.ahead.take() {
            Some(frame) => Some(frame),
            None => ready!(self.poll(cx)),
        };
        if let Some(Err(_)) = frame {
            self.abort();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.ahead.is_none() && (matches!(self.state, State::Ended) || self.remaining == Some(0))
    }

    fn size_hint(&self) -> SizeHint {
        match self.remaining {
            Some(remaining) => SizeHint::with_exact(remaining),
            None => SizeHint::default(),
        }
    }
}

impl<R: Reactor> Drop for Incoming<R> {
    fn drop(&mut self) {
        if self.is_end_stream() {
            self.end();
        } else {
            self.abort();
        }
    }
}

impl<R: Reactor> fmt::Debug for Incoming<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("remaining", &self.remaining)
            .finish_non_exhaustive()
    }
}

/// The length that the headers give, if they give one.
fn content_length(headers: &HeaderMap) -> Option<u64> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let length = lengths.next()?.to_str().ok()?.parse().ok()?;
    lengths.next().is_none().then_some(length)
}
