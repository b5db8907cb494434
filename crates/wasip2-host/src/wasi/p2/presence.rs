//! Whether a guest is still there, as its unfinished messages ask.
//!
//! To wasmtime-wasi-http, an outgoing body that goes away with its store has
//! ended, and what was sent so far would look like a whole request.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use wasmtime_wasi_http::{Error, WasiBody};

/// A guest's presence in the host, which ends when this is dropped.
#[derive(Debug, Default)]
pub struct Presence(Arc<AtomicBool>);

impl Presence {
    /// `body`, which fails if its guest is gone by the time it ends.
    pub fn guard(&self, body: WasiBody) -> GuardedBody {
        GuardedBody {
            body,
            gone: self.0.clone(),
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A body that has an end only while its guest is there.
#[derive(Debug)]
pub struct GuardedBody {
    body: WasiBody,
    gone: Arc<AtomicBool>,
}

impl Body for GuardedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Poll::Ready(match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            None if self.gone.load(Ordering::SeqCst) => Some(Err(Error::HttpProtocolError)),
            frame => frame,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use http_body_util::BodyExt;
    use tokio::sync::mpsc;

    use super::*;

    /// A body like wasmtime-wasi-http's: it has ended when its sender is gone.
    struct Pieces(mpsc::Receiver<Bytes>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
            let piece = ready!(self.0.poll_recv(cx));
            Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
        }
    }

    /// What comes after one piece, for a guest that is still there or not.
    fn end(there: bool) -> Option<Result<Frame<Bytes>, Error>> {
        let presence = Presence::default();
        let (sender, receiver) = mpsc::channel(1);
        let mut body = presence.guard(Pieces(receiver).boxed_unsync());
        let mut poll = || Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop()));
        sender.try_send(Bytes::from("some")).unwrap();
        assert!(matches!(poll(), Poll::Ready(Some(Ok(_)))));
        assert!(poll().is_pending());
        let _presence = there.then_some(presence);
        drop(sender);
        match poll() {
            Poll::Ready(end) => end,
            Poll::Pending => panic!("it has not ended"),
        }
    }

    #[test]
    fn a_body_ends_well_while_its_guest_is_there() {
        assert!(end(true).is_none());
    }

    #[test]
    fn a_body_of_a_guest_that_is_gone_fails() {
        assert!(matches!(end(false), Some(Err(Error::HttpProtocolError))));
    }
}
