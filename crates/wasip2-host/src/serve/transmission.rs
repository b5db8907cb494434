//! A response on its way from a shared instance to its client.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::{Notify, oneshot};
use wasmtime_wasi_http::{Error, WasiBody};

use super::shared::Seat;

/// The place that a request has in an instance, until its response is sent or it
/// is given up.
pub struct Place {
    seat: Mutex<Option<Seat>>,
    /// Told when it is given up.
    cut: Notify,
    /// Gone with it.
    _there: oneshot::Sender<()>,
}

impl Place {
    /// That place, and what ends when it is gone.
    pub fn new(seat: Seat) -> (Arc<Place>, oneshot::Receiver<()>) {
        let (there, left) = oneshot::channel();
        let place = Place {
            seat: Mutex::new(Some(seat)),
            cut: Notify::new(),
            _there: there,
        };
        (Arc::new(place), left)
    }

    /// Gives the request up: what is left of its response fails.
    pub fn cut(&self) -> Option<Seat> {
        let seat = self.take();
        self.cut.notify_one();
        seat
    }

    fn take(&self) -> Option<Seat> {
        let mut seat = self.seat.lock().expect("nothing that holds this panics");
        seat.take()
    }
}

/// A response's body that tells its guest what became of it.
pub struct Transmission {
    body: WasiBody,
    /// HTTP has none here, whatever the guest writes.
    none: bool,
    told: Option<oneshot::Sender<Result<(), Error>>>,
    place: Arc<Place>,
    /// Ready when it is given up. It is kept, as whoever drops it is not woken.
    cut: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Transmission {
    /// `body`, whose end `told` tells, and which has its `place` until then;
    /// `none` of it is sent where HTTP has none.
    pub fn new(
        body: WasiBody,
        none: bool,
        told: oneshot::Sender<Result<(), Error>>,
        place: Arc<Place>,
    ) -> Transmission {
        let given_up = place.clone();
        Transmission {
            body,
            none,
            told: Some(told),
            place,
            cut: Box::pin(async move { given_up.cut.notified().await }),
        }
    }

    fn tell(&mut self, what: Result<(), Error>) {
        if let Some(told) = self.told.take() {
            // A guest may not want to know.
            let _ = told.send(what);
        }
    }
}

impl Body for Transmission {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        match &frame {
            Poll::Pending => {
                if self.cut.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Some(Err(Error::HttpResponseTimeout)));
                }
            }
            Poll::Ready(None) => self.tell(Ok(())),
            Poll::Ready(Some(_)) => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.none || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Transmission {
    fn drop(&mut self) {
        // Of one whose length is known, nobody asks for more.
        let whole = self.is_end_stream() || self.body.size_hint().exact() == Some(0);
        self.tell(match whole {
            true => Ok(()),
            false => Err(Error::ConnectionTerminated),
        });
        drop(self.place.take());
    }
}
