//! A `wasi:http/types.incoming-body` as an [`http_body::Body`].

use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{ready, Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRAILER};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use wasip2::http::types::{IncomingBody, IncomingRequest};
use wasip2::io::streams::{InputStream, StreamError};

use super::trailers::Trailers;
use super::upload::Upload;
use crate::reactor::{Reactor, Waiter};
use crate::wasi::stream_error;
use crate::Error;

/// The most that is read at once, in bytes.
const MAX_READ: u64 = 64 * 1024;

/// The body of a message that was received.
///
/// Nothing is read from the host before it is polled for, or asked whether it
/// is empty, so a slow reader slows the sender down. Dropping it before its end
/// aborts the exchange.
///
/// If the headers say how long it is, it ends there, and has trailers only if
/// they say so (`trailer`).
pub struct Incoming<R: Reactor> {
    // What is being sent goes first: it is the older half of the exchange.
    upload: Option<Upload>,
    /// The lock is for `Sync` alone, and for who asks whether it is empty.
    received: Mutex<Received<R>>,
    reactor: R,
}

/// How far it was received.
struct Received<R: Reactor> {
    state: State<R>,
    /// How many bytes are to come, if the message says so.
    remaining: Option<u64>,
    /// Whether trailers may follow though the length is known, as HTTP/2 allows.
    /// To ask the host for some that are not there takes six calls.
    announced: bool,
    /// What was received before it was asked for.
    ahead: Option<Result<Frame<Bytes>, Error>>,
}

enum State<R: Reactor> {
    /// Whether there is a body is to be found out, if `look`.
    Unopened {
        request: IncomingRequest,
        look: bool,
    },
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
        Incoming::from(State::Data(Data::of(body)), remaining, headers, reactor)
    }

    /// The body of `request`, whose headers are `headers`. The host is asked
    /// for it when somebody wants it, which few do where none is `expected`.
    pub(crate) fn of_request(
        request: IncomingRequest,
        headers: &HeaderMap,
        expected: bool,
        reactor: R,
    ) -> Incoming<R> {
        let remaining = content_length(headers);
        let look = !expected && remaining.is_none();
        Incoming::from(
            State::Unopened { request, look },
            remaining,
            headers,
            reactor,
        )
    }

    fn from(
        state: State<R>,
        remaining: Option<u64>,
        headers: &HeaderMap,
        reactor: R,
    ) -> Incoming<R> {
        Incoming {
            upload: None,
            received: Mutex::new(Received {
                state,
                remaining,
                announced: headers.contains_key(TRAILER),
                ahead: None,
            }),
            reactor,
        }
    }

    /// Finds out whether there is a body at all, where one is expected, the
    /// headers do not say so and the host knows.
    pub(crate) fn look_ahead(&mut self, cx: &mut Context<'_>) {
        if self.received().remaining.is_none() {
            if let Poll::Ready(frame) = self.poll(cx) {
                self.received().ahead = frame;
            }
        }
    }

    fn received(&mut self) -> &mut Received<R> {
        let received = self.received.get_mut();
        received.unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of it by now, or can be found out at once.
    fn looked_at(&self) -> MutexGuard<'_, Received<R>> {
        let received = self.received.lock();
        let mut received = received.unwrap_or_else(PoisonError::into_inner);
        if let State::Unopened { look: true, .. } = received.state {
            received.look();
        }
        received
    }

    /// What is still being sent to who sends this.
    pub(crate) fn set_upload(&mut self, upload: Upload) {
        self.upload = Some(upload);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Some(error) = self
            .upload
            .as_mut()
            .and_then(|upload| upload.poll_error(cx))
        {
            return Poll::Ready(Some(Err(error)));
        }
        let reactor = self.reactor.clone();
        if self.received().is_complete() {
            self.end();
            return Poll::Ready(None);
        }
        let received = self.received();
        received.open();
        if let State::Data(data) = &mut received.state {
            match ready!(data.poll(&reactor, cx)) {
                Some(Ok(bytes)) => {
                    if let Some(remaining) = &mut received.remaining {
                        *remaining = remaining.saturating_sub(bytes.len() as u64);
                    }
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {}
            }
        }
        received.state = match std::mem::replace(&mut received.state, State::Ended) {
            State::Data(Data { wait, stream, body }) => {
                drop(wait);
                drop(stream);
                State::Trailers(Trailers::of(body))
            }
            state => state,
        };
        let State::Trailers(trailers) = &mut received.state else {
            return Poll::Ready(None);
        };
        match ready!(trailers.poll(&reactor, cx)) {
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
        let received = self.received();
        let state = std::mem::replace(&mut received.state, State::Ended);
        received.remaining = Some(0);
        if let Some(upload) = self.upload.take() {
            upload.detach(Some(Box::new(state)));
        }
    }

    fn abort(&mut self) {
        if let Some(upload) = self.upload.take() {
            upload.abort();
        }
        let received = self.received();
        received.state = State::Ended;
        received.remaining = Some(0);
    }
}

impl<R: Reactor> Received<R> {
    /// Takes the body from the request, if that was not done.
    fn open(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Ended) {
            State::Unopened { request, .. } => {
                let body = request.consume().expect("its body was not taken before");
                State::Data(Data::of(body))
            }
            state => state,
        };
    }

    /// Finds out whether there is a body, if the host knows. Trailers after
    /// none are not asked for.
    fn look(&mut self) {
        self.open();
        let State::Data(data) = &self.state else {
            return;
        };
        match data.read() {
            None => {}
            Some(Ok(None)) => {
                self.state = State::Ended;
                self.remaining = Some(0);
            }
            Some(Ok(Some(bytes))) => self.ahead = Some(Ok(Frame::data(bytes))),
            Some(Err(error)) => self.ahead = Some(Err(error)),
        }
    }

    /// Whether nothing can follow what was received.
    fn is_complete(&self) -> bool {
        self.remaining == Some(0) && !self.announced
    }

    fn is_end(&self) -> bool {
        self.ahead.is_none() && (matches!(self.state, State::Ended) || self.is_complete())
    }
}

impl<R: Reactor> Data<R> {
    fn of(body: IncomingBody) -> Data<R> {
        Data {
            wait: None,
            stream: body.stream().expect("its stream was not taken before"),
            body,
        }
    }

    /// The next bytes, none if there are no more, or nothing if there are none
    /// yet.
    fn read(&self) -> Option<Result<Option<Bytes>, Error>> {
        match self.stream.read(MAX_READ) {
            Ok(bytes) if bytes.is_empty() => None,
            Ok(bytes) => Some(Ok(Some(bytes.into()))),
            Err(StreamError::Closed) => Some(Ok(None)),
            Err(StreamError::LastOperationFailed(error)) => Some(Err(stream_error(error))),
        }
    }

    fn poll(&mut self, reactor: &R, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        loop {
            if let Some(read) = self.read() {
                return Poll::Ready(read.transpose());
            }
            let wait = match &mut self.wait {
                Some(wait) => wait,
                None => match reactor.register(self.stream.subscribe()) {
                    Ok(wait) => self.wait.insert(wait),
                    Err(error) => return Poll::Ready(Some(Err(Error::wait(error)))),
                },
            };
            if let Err(error) = ready!(wait.poll_ready(cx)) {
                return Poll::Ready(Some(Err(Error::wait(error))));
            }
        }
    }
}

impl<R: Reactor> Body for Incoming<R> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = match self.received().ahead.take() {
            Some(frame) => Some(frame),
            None => ready!(self.poll(cx)),
        };
        if let Some(Err(_)) = frame {
            self.abort();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.looked_at().is_end()
    }

    fn size_hint(&self) -> SizeHint {
        match self.looked_at().remaining {
            Some(remaining) => SizeHint::with_exact(remaining),
            None => SizeHint::default(),
        }
    }
}

impl<R: Reactor> Drop for Incoming<R> {
    fn drop(&mut self) {
        if self.received().is_end() {
            self.end();
        } else {
            self.abort();
        }
    }
}

impl<R: Reactor> fmt::Debug for Incoming<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let received = self.received.lock();
        let received = received.unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Incoming")
            .field("remaining", &received.remaining)
            .finish_non_exhaustive()
    }
}

/// The length that the headers give, if they give one.
fn content_length(headers: &HeaderMap) -> Option<u64> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let length = lengths.next()?.to_str().ok()?.parse().ok()?;
    lengths.next().is_none().then_some(length)
}
