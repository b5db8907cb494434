//! Sending requests, as hyper's clients do.

mod options;
mod request;
#[cfg_attr(any(target_env = "p3", wasip3), path = "../p3/response.rs")]
mod response;

use std::error::Error as StdError;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

pub use options::RequestOptions;
pub use response::ResponseFuture;

use crate::reactor::Reactor;
use crate::{Error, Incoming};

/// `Client::new(reactor)`—Sends requests through the host.
///
/// It holds nothing: the host looks up names, connects and does TLS, and may
/// or may not keep connections.
///
/// # References
///
/// - [`wasi:http/outgoing-handler`]
/// - [`wasi:http/client`] of WASI 0.3
///
/// [`wasi:http/outgoing-handler`]: https://github.com/WebAssembly/wasi-http/blob/main/wit/handler.wit
/// [`wasi:http/client`]: https://github.com/WebAssembly/WASI/blob/main/proposals/http/wit/worlds.wit
#[derive(Clone, Copy, Debug, Default)]
pub struct Client<R> {
    reactor: R,
}

impl<R: Reactor> Client<R> {
    /// A client that waits through `reactor`.
    pub fn new(reactor: R) -> Client<R> {
        Client { reactor }
    }

    /// `request(request)`—Sends a request, and gives the response once its
    /// headers are there.
    ///
    /// The future sends the body while it waits. What is left of it when the
    /// response begins is sent by a task of its own ([`Reactor::spawn`]): it
    /// goes on if the response is read to its end, and is aborted if that is
    /// dropped before. A host that answers before it has got the whole body,
    /// and closes the connection, has answered. Dropping the future aborts the
    /// request.
    ///
    /// - The request's URI has to be absolute.
    /// - A body whose [`size_hint`] is exact is sent with a `content-length`.
    /// - `host` is left out if it says the same as the URI.
    /// - [`RequestOptions`] in the request's extensions set time limits.
    /// - The version is not looked at; the host chooses one, and does not tell
    ///   which the response came by.
    ///
    /// # Errors
    ///
    /// - A part of the request that the host does not take, which is named:
    ///   `connection`, `keep-alive`, `proxy-*`, `transfer-encoding`,
    ///   `upgrade`, another `host`.
    /// - Headers, or trailers, of more than 128 KiB.
    /// - The code that the host gives ([`Error::code`]).
    /// - The error of the body, as the source ([`Error::is_user_body`]).
    ///
    /// [`size_hint`]: Body::size_hint
    pub fn request<B>(&self, request: Request<B>) -> ResponseFuture<B, R>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        ResponseFuture::new(request, self.reactor.clone())
    }
}

impl<B, R> Service<Request<B>> for Client<R>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
    R: Reactor,
{
    type Response = Response<Incoming<R>>;
    type Error = Error;
    type Future = ResponseFuture<B, R>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture<B, R> {
        self.request(request)
    }
}
