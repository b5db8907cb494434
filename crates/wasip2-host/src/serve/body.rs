//! The body of a guest's response.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use super::broken::Broken;
use super::clients::Answering;

/// A body that fails if its guest was ended before it.
///
/// To wasmtime-wasi-http, an outgoing body that goes away with its store has
/// ended, and what was sent so far would look like a whole response.
#[derive(Debug)]
pub struct GuestBody {
    body: Option<HyperOutgoingBody>,
    broken: Broken,
    _answering: Option<Answering>,
}

impl GuestBody {
    /// `body`, unless its guest is `broken` by the time it ends.
    pub fn new(body: HyperOutgoingBody, broken: Broken, answering: Option<Answering>) -> GuestBody {
        GuestBody {
            body: Some(body),
            broken,
            _answering: answering,
        }
    }

    /// No body.
    pub fn empty(answering: Option<Answering>) -> GuestBody {
        GuestBody {
            body: None,
            broken: Broken::default(),
            _answering: answering,
        }
    }
}

impl Body for GuestBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        Poll::Ready(match ready!(Pin::new(body).poll_frame(cx)) {
            Some(frame) => Some(frame.map_err(io::Error::other)),
            None if self.broken.is_told() => {
                Some(Err(io::Error::other("the guest ended before its response")))
            }
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Some(body) => body.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }
}
