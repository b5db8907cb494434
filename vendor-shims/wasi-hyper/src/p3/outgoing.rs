//! Sends an [`http_body::Body`] through a stream of WASI 0.3.

use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::task::{ready, Context, Poll};

use bytes::Buf;
use http::HeaderMap;
use http_body::Body;
use wasip3::http::types::{ErrorCode, Trailers};
use wasip3::wit_bindgen::{FutureWriter, StreamWriter};

use crate::{fields, Error};

/// A body on its way to the host.
///
/// The host is told that it has ended if, and only if, it took all of it. Where
/// the body fails, and where this is dropped half way, it is told an error as
/// the trailers, so that no part of a body ever looks like a whole one.
pub(crate) struct Outgoing<B: Body> {
    progress: Progress,
    /// Dropped without a value, it tells the host of the error.
    trailers: Option<FutureWriter<Result<Option<Trailers>, ErrorCode>>>,
    /// How many bytes there may still be, if that is limited.
    left: Option<u64>,
    /// How many were allowed.
    said: Option<u64>,
    /// The body has given more.
    over: bool,
    body: Pin<Box<B>>,
}

enum Progress {
    /// The body is to give more.
    Ready(StreamWriter<u8>),
    /// The host is to take what the body gave.
    Writing(Pin<Box<dyn Future<Output = Option<StreamWriter<u8>>> + Send + Sync>>),
    /// The host is to know that the body has ended.
    Ending(Pin<Box<dyn Future<Output = ()> + Send + Sync>>),
    Over,
}

impl<B> Outgoing<B>
where
    B: Body,
{
    /// Sends `body` through `stream`, and what follows it through `trailers`.
    pub(crate) fn new(
        stream: StreamWriter<u8>,
        trailers: FutureWriter<Result<Option<Trailers>, ErrorCode>>,
        body: B,
    ) -> Outgoing<B> {
        Outgoing {
            progress: Progress::Ready(stream),
            trailers: Some(trailers),
            left: None,
            said: None,
            over: false,
            body: Box::pin(body),
        }
    }

    /// Sends at most `length` bytes, as hyper does. That there are more is an
    /// error after these.
    pub(crate) fn limit(mut self, length: Option<u64>) -> Outgoing<B> {
        (self.left, self.said) = (length, length);
        self
    }

    /// Has the host take `data`.
    fn write(&mut self, mut stream: StreamWriter<u8>, mut data: B::Data) {
        let mut length = data.remaining();
        if let Some(left) = &mut self.left {
            let most = usize::try_from(*left).unwrap_or(usize::MAX);
            self.over |= length > most;
            length = length.min(most);
            *left -= length as u64;
        }
        let bytes = data.copy_to_bytes(length).into();
        self.progress = Progress::Writing(Box::pin(async move {
            let rest = stream.write_all(bytes).await;
            rest.is_empty().then_some(stream)
        }));
    }

    /// Tells the host that this is all.
    fn end(&mut self, stream: StreamWriter<u8>, trailers: Option<HeaderMap>) -> Result<(), Error> {
        let trailers = trailers.as_ref().map(fields::to_host).transpose()?;
        let writer = self.trailers.take().expect("it ends once");
        drop(stream);
        self.progress = Progress::Ending(Box::pin(async move {
            // A host that does not read it has all that it wants.
            let _ = writer.write(Ok(trailers)).await;
        }));
        Ok(())
    }
}

impl<B> Outgoing<B>
where
    B: Body,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            match std::mem::replace(&mut self.progress, Progress::Over) {
                Progress::Ready(stream) => match self.body.as_mut().poll_frame(cx) {
                    Poll::Pending => {
                        self.progress = Progress::Ready(stream);
                        return Poll::Pending;
                    }
                    Poll::Ready(None) => self.end(stream, None)?,
                    Poll::Ready(Some(frame)) => match frame.map_err(Error::body)?.into_data() {
                        Ok(data) if data.has_remaining() => self.write(stream, data),
                        Ok(_) => self.progress = Progress::Ready(stream),
                        Err(frame) => self.end(stream, frame.into_trailers().ok())?,
                    },
                },
                Progress::Writing(mut writing) => match writing.as_mut().poll(cx) {
                    Poll::Pending => {
                        self.progress = Progress::Writing(writing);
                        return Poll::Pending;
                    }
                    Poll::Ready(Some(stream)) if self.over || self.body.is_end_stream() => {
                        self.end(stream, None)?;
                    }
                    Poll::Ready(Some(stream)) => self.progress = Progress::Ready(stream),
                    // It wants no more. What became of the message, it tells
                    // elsewhere.
                    Poll::Ready(None) => return Poll::Ready(Ok(())),
                },
                Progress::Ending(mut ending) => {
                    if ending.as_mut().poll(cx).is_pending() {
                        self.progress = Progress::Ending(ending);
                        return Poll::Pending;
                    }
                    return Poll::Ready(match self.over {
                        false => Ok(()),
                        true => Err(ErrorCode::HttpResponseBodySize(self.said).into()),
                    });
                }
                Progress::Over => panic!("polled after it was done"),
            }
        }
    }
}

impl<B> Future for Outgoing<B>
where
    B: Body,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    /// Whether sending failed. That the host wants no more is no failure.
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let result = ready!(self.poll_send(cx));
        self.trailers = None;
        Poll::Ready(result)
    }
}

// The body is pinned in its own box, and nothing else needs to be.
impl<B: Body> Unpin for Outgoing<B> {}
