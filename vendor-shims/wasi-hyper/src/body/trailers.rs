//! What follows a body that was received.

use std::task::{ready, Context, Poll};

use http::HeaderMap;
use wasip2::http::types::{FutureTrailers, IncomingBody};

use crate::reactor::{Reactor, Waiter};
use crate::{fields, Error};

/// A body whose bytes were all received, and whose trailers may be to come.
pub(super) struct Trailers<R: Reactor> {
    // In this order they must be dropped, and fields are.
    wait: Option<R::Waiter>,
    future: FutureTrailers,
}

impl<R: Reactor> Trailers<R> {
    /// Those of `body`, whose stream was dropped.
    pub(super) fn of(body: IncomingBody) -> Trailers<R> {
        Trailers {
            wait: None,
            future: IncomingBody::finish(body),
        }
    }

    /// Polls for them; they are given once.
    pub(super) fn poll(
        &mut self,
        reactor: &R,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<HeaderMap>, Error>> {
        loop {
            // The future makes no progress but by its pollable, so that is
            // asked first; most often it is all that is needed.
            if let Some(wait) = &mut self.wait {
                ready!(wait.poll_ready(cx)).map_err(Error::wait)?;
            } else {
                let pollable = self.future.subscribe();
                if !pollable.ready() {
                    let wait = reactor.register(pollable).map_err(Error::wait)?;
                    self.wait = Some(wait);
                    continue;
                }
            }
            if let Some(result) = self.future.get() {
                self.wait = None;
                let fields = result.expect("asked for once")?;
                return Poll::Ready(Ok(fields.as_ref().map(fields::from_host)));
            }
        }
    }
}
