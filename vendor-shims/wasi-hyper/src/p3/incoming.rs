//! The stream of a message of WASI 0.3 as an [`http_body::Body`].

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{ready, Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRAILER};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use wasip3::http::types::{ErrorCode, Trailers};
use wasip3::wit_bindgen::{FutureRead, FutureReader, StreamReader, StreamResult};

use super::upload::Upload;
use crate::reactor::Reactor;
use crate::{fields, Error};

/// The most that is read at once, in bytes.
const MAX_READ: usize = 64 * 1024;

/// The body of a message that was received.
///
/// Nothing is read from the host before it is polled for, so a slow reader slows
/// the sender down. Dropping it before its end aborts the exchange.
///
/// If the headers say how long it is, it ends there, and has trailers only if
/// they say so (`trailer`).
pub struct Incoming<R: Reactor> {
    // What is being sent goes first: it is the older half of the exchange.
    upload: Option<Upload>,
    state: State,
    /// How many bytes are to come, if the message says so.
    remaining: Option<u64>,
    /// Whether trailers may follow though the length is known, as HTTP/2 allows.
    announced: bool,
    reactor: PhantomData<fn() -> R>,
}

/// What follows the bytes: trailers, or an error.
type End = Result<Option<Trailers>, ErrorCode>;

enum State {
    Data(Data),
    Trailers(Pin<Box<FutureRead<End>>>),
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
        Incoming {
            upload: None,
            state: State::Data(Data {
                read: Read::Idle(stream, Vec::new()),
                trailers,
            }),
            remaining,
            announced: headers.contains_key(TRAILER),
            reactor: PhantomData,
        }
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
        if self.is_complete() {
            self.end();
            return Poll::Ready(None);
        }
        if let State::Data(data) = &mut self.state {
            if let Some(bytes) = ready!(data.poll(self.remaining, cx)) {
                if let Some(remaining) = &mut self.remaining {
                    *remaining = remaining.saturating_sub(bytes.len() as u64);
                }
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
        }
        self.state = match std::mem::replace(&mut self.state, State::Ended) {
            State::Data(data) => State::Trailers(Box::pin(data.trailers.into_future())),
            state => state,
        };
        let State::Trailers(trailers) = &mut self.state else {
            return Poll::Ready(None);
        };
        match ready!(trailers.as_mut().poll(cx)) {
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

    /// Whether nothing can follow what was received.
    fn is_complete(&self) -> bool {
        self.remaining == Some(0) && !self.announced
    }

    fn is_end(&self) -> bool {
        matches!(self.state, State::Ended) || self.is_complete()
    }
}

impl Data {
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
        self.is_end()
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
        if self.is_end() {
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
