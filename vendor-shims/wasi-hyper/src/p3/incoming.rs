//! The stream of a message of WASI 0.3 as an [`http_body::Body`].

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{ready, Context, Poll, Waker};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRAILER};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use wasip3::http::types::{ErrorCode, Request, Trailers};
use wasip3::wit_bindgen::{FutureRead, FutureReader, StreamReader, StreamResult};
use wasip3::wit_future;

use super::upload::Upload;
use crate::reactor::Reactor;
use crate::{fields, Error};

/// The most that is read at once, in bytes.
const MAX_READ: usize = 64 * 1024;

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
    /// What becomes of the request that this answers. Wasmtime 49 ends the
    /// connection, and the body without an error, when nobody wants to know.
    sent: Option<FutureReader<Result<(), ErrorCode>>>,
    /// The lock is for `Sync` alone, and for who asks whether it is empty.
    received: Mutex<Received>,
    reactor: PhantomData<fn() -> R>,
}

/// How far it was received.
struct Received {
    state: State,
    /// How many bytes are to come, if the message says so.
    remaining: Option<u64>,
    /// Whether trailers may follow though the length is known, as HTTP/2 allows.
    announced: bool,
    /// What was received before it was asked for.
    ahead: Option<Bytes>,
}

/// What follows the bytes: trailers, or an error.
type End = Result<Option<Trailers>, ErrorCode>;

enum State {
    /// Whether there is a body is to be found out, if `look`.
    Unopened {
        request: Request,
        look: bool,
    },
    Data(Data),
    Trailers(Pin<Box<FutureRead<End>>>),
    /// What follows was received before it was asked for.
    Known(End),
    Ended,
}

struct Data {
    read: Read,
    trailers: FutureReader<End>,
}

enum Read {
    /// With room for what is to be read.
    Idle(StreamReader<u8>, Vec<u8>),
    Pending(Pin<Box<dyn Future<Output = Reading> + Send + Sync>>),
    Gone,
}

type Reading = (StreamReader<u8>, StreamResult, Vec<u8>);

impl<R: Reactor> Incoming<R> {
    /// The body of a message that has `headers`, or that has no body whatever
    /// they say.
    pub(crate) fn new(
        stream: StreamReader<u8>,
        trailers: FutureReader<End>,
        headers: &HeaderMap,
        is_empty: bool,
    ) -> Incoming<R> {
        let remaining = match is_empty {
            true => Some(0),
            false => content_length(headers),
        };
        Incoming::from(State::Data(Data::of(stream, trailers)), remaining, headers)
    }

    /// The body of `request`, whose headers are `headers`. The host is asked
    /// for it when somebody wants it, which few do where none is `expected`.
    pub(crate) fn of_request(
        request: Request,
        headers: &HeaderMap,
        expected: bool,
        _: R,
    ) -> Incoming<R> {
        let remaining = content_length(headers);
        let look = !expected && remaining.is_none();
        Incoming::from(State::Unopened { request, look }, remaining, headers)
    }

    fn from(state: State, remaining: Option<u64>, headers: &HeaderMap) -> Incoming<R> {
        Incoming {
            upload: None,
            sent: None,
            received: Mutex::new(Received {
                state,
                remaining,
                announced: headers.contains_key(TRAILER),
                ahead: None,
            }),
            reactor: PhantomData,
        }
    }

    /// Finds out whether there is a body at all, where one is expected, the
    /// headers do not say so and the host knows.
    pub(crate) fn look_ahead(&mut self) {
        let received = self.received();
        if received.remaining.is_none() {
            received.look();
        }
    }

    fn received(&mut self) -> &mut Received {
        let received = self.received.get_mut();
        received.unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of it by now, or can be found out at once.
    fn looked_at(&self) -> MutexGuard<'_, Received> {
        let received = self.received.lock();
        let mut received = received.unwrap_or_else(PoisonError::into_inner);
        if let State::Unopened { look: true, .. } = received.state {
            received.look();
        }
        received
    }

    /// What becomes of the request that this answers.
    pub(crate) fn set_sent(&mut self, sent: FutureReader<Result<(), ErrorCode>>) {
        self.sent = Some(sent);
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
        if let Some(bytes) = self.received().ahead.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if self.received().is_complete() {
            self.end();
            return Poll::Ready(None);
        }
        let received = self.received();
        received.open();
        if let State::Data(data) = &mut received.state {
            if let Some(bytes) = ready!(data.poll(received.remaining, cx)) {
                received.took(&bytes);
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
        }
        received.state = match std::mem::replace(&mut received.state, State::Ended) {
            State::Data(data) => State::Trailers(Box::pin(data.trailers.into_future())),
            state => state,
        };
        let end = match &mut received.state {
            State::Trailers(trailers) => ready!(trailers.as_mut().poll(cx)),
            State::Known(_) => match std::mem::replace(&mut received.state, State::Ended) {
                State::Known(end) => end,
                _ => unreachable!("it was looked at just before"),
            },
            _ => return Poll::Ready(None),
        };
        match end {
            Ok(trailers) => {
                self.end();
                let trailers = trailers.as_ref().map(fields::from_host);
                Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
            }
            Err(error) => Poll::Ready(Some(Err(error.into()))),
        }
    }

    /// Everything was received. A request that is still being sent is sent to
    /// its end, and the host would abort it with the response.
    fn end(&mut self) {
        let received = self.received();
        let state = std::mem::replace(&mut received.state, State::Ended);
        received.remaining = Some(0);
        received.announced = false;
        let sent = self.sent.take();
        if let Some(upload) = self.upload.take() {
            upload.detach(Some(Box::new((state, sent))));
        }
    }

    fn abort(&mut self) {
        if let Some(upload) = self.upload.take() {
            upload.abort();
        }
        self.sent = None;
        let received = self.received();
        received.state = State::Ended;
        received.remaining = Some(0);
    }
}

impl Received {
    /// Takes the body from the request, if that was not done.
    fn open(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Ended) {
            State::Unopened { request, .. } => {
                // The host is told that all went well, as long as it reads that
                // at all.
                let (well, told) = wit_future::new(|| Ok(()));
                let (stream, trailers) = Request::consume_body(request, told);
                drop(well);
                State::Data(Data::of(stream, trailers))
            }
            state => state,
        };
    }

    /// Finds out whether there is a body, if the host knows.
    fn look(&mut self) {
        self.open();
        let State::Data(data) = &mut self.state else {
            return;
        };
        // Whoever wants more than is there polls again.
        let mut cx = Context::from_waker(Waker::noop());
        let mut first = data.poll(self.remaining, &mut cx);
        if first.is_pending() && let_host_go_on() {
            first = data.poll(self.remaining, &mut cx);
        }
        match first {
            Poll::Pending => {}
            Poll::Ready(Some(bytes)) => {
                self.took(&bytes);
                self.ahead = Some(bytes);
            }
            Poll::Ready(None) => self.look_behind(),
        }
    }

    /// Whether something follows where there are no bytes.
    fn look_behind(&mut self) {
        let State::Data(data) = std::mem::replace(&mut self.state, State::Ended) else {
            return;
        };
        let mut trailers = Box::pin(data.trailers.into_future());
        let mut cx = Context::from_waker(Waker::noop());
        let mut end = trailers.as_mut().poll(&mut cx);
        if end.is_pending() && let_host_go_on() {
            end = trailers.as_mut().poll(&mut cx);
        }
        match end {
            Poll::Ready(Ok(None)) => self.remaining = Some(0),
            Poll::Ready(end) => self.state = State::Known(end),
            Poll::Pending => self.state = State::Trailers(trailers),
        }
    }

    fn took(&mut self, bytes: &Bytes) {
        if let Some(remaining) = &mut self.remaining {
            *remaining = remaining.saturating_sub(bytes.len() as u64);
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

impl Data {
    fn of(stream: StreamReader<u8>, trailers: FutureReader<End>) -> Data {
        Data {
            read: Read::Idle(stream, Vec::new()),
            trailers,
        }
    }

    /// The next bytes, or none if there are no more.
    fn poll(&mut self, remaining: Option<u64>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            match std::mem::replace(&mut self.read, Read::Gone) {
                Read::Idle(mut stream, mut room) => {
                    let length = remaining.and_then(|length| usize::try_from(length).ok());
                    room.reserve_exact(length.unwrap_or(MAX_READ).clamp(1, MAX_READ));
                    self.read = Read::Pending(Box::pin(async move {
                        let (result, bytes) = stream.read(room).await;
                        (stream, result, bytes)
                    }));
                }
                Read::Pending(mut reading) => match reading.as_mut().poll(cx) {
                    Poll::Pending => {
                        self.read = Read::Pending(reading);
                        return Poll::Pending;
                    }
                    Poll::Ready((stream, result, bytes)) => {
                        let (bytes, room) = part(bytes);
                        if !bytes.is_empty() {
                            self.read = Read::Idle(stream, room);
                            return Poll::Ready(Some(bytes));
                        }
                        match result {
                            StreamResult::Dropped => return Poll::Ready(None),
                            _ => self.read = Read::Idle(stream, room),
                        }
                    }
                },
                Read::Gone => return Poll::Ready(None),
            }
        }
    }
}

/// Has the host get on with what it was asked for, which it does not by itself
/// while this instance runs; says whether it could.
fn let_host_go_on() -> bool {
    #[cfg(feature = "tokio")]
    return wasi_waitable::wait(Some(std::time::Duration::ZERO)).is_ok();
    #[cfg(not(feature = "tokio"))]
    false
}

/// What was read, and the room for what is read next. Few bytes do not keep
/// much room.
fn part(mut read: Vec<u8>) -> (Bytes, Vec<u8>) {
    if read.len() > read.capacity() / 2 {
        return (read.into(), Vec::new());
    }
    let bytes = Bytes::copy_from_slice(&read);
    read.clear();
    (bytes, read)
}

impl<R: Reactor> Body for Incoming<R> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(self.poll(cx));
        if let Some(Err(_)) = frame {
            self.abort();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.looked_at().is_end()
    }

    fn size_hint(&self) -> SizeHint {
        let received = self.looked_at();
        let ahead = received.ahead.as_ref().map_or(0, Bytes::len) as u64;
        match received.remaining {
            Some(remaining) => SizeHint::with_exact(remaining + ahead),
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
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let length = lengths.next()?.to_str().ok()?.parse().ok()?;
    lengths.next().is_none().then_some(length)
}
