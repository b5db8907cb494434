//! Serving requests, as hyper's servers do.
//!
//! A component that exports [`wasi:http/handler`] of WASI 0.3 is called by its
//! host for every request. [`serve!`](crate::serve) makes that export of any
//! service that hyper or tower could serve, an axum `Router` among them:
//!
//! ```ignore
//! fn routes() -> axum::Router {
//!     axum::Router::new().route("/", axum::routing::get(|| async { "Hello, World!" }))
//! }
//!
//! wasi_hyper::serve!(routes);
//! ```
//!
//! # What a service can count on
//!
//! - **Requests at once.** A host may send an instance many, and while one waits,
//!   the others go on: they share the instance's Tokio runtime, and whatever else
//!   the service keeps, as in a native server.
//! - **Bodies** stream in both directions at once, and whoever is slow slows
//!   the other side down. Trailers are passed on.
//! - **The request** looks as hyper's HTTP/1 server has it: the URI is path
//!   and query, and `host` is a header. The scheme is in the extensions, as
//!   [`http::uri::Scheme`].
//! - **The response** gets a `content-length` if its size is known. Headers
//!   that are about the connection (`connection`, `keep-alive`,
//!   `proxy-connection`, `transfer-encoding`, `upgrade`, and those that
//!   `connection` names) are dropped, as hyper does for HTTP/2: here the
//!   connection is the host's. Any other that the host does not take is an
//!   error.
//! - **An error** of the service, and a response that the host does not take
//!   (more than 128 KiB of headers, a forbidden one), is a response of status
//!   500, and so is an error that the response's body begins with. A later one
//!   aborts the response; no client takes it for a whole one. What went wrong is
//!   written to standard error. Other requests go on.
//! - **A panic** ends the instance, since this target does not unwind, and with
//!   it all requests that it has. With a standard library that unwinds it is
//!   status 500 for its own request alone.
//! - **A client that goes away** is noticed as soon as the host says so of the
//!   response's transmission, and at the latest when the next piece of it is
//!   sent: the response's body is dropped then. While the service has not
//!   answered, a host can cancel the call, which drops the service's future.
//!
//! # Code that blocks
//!
//! What blocks in Tokio (`spawn_blocking` with `Handle::block_on`, for instance)
//! lets the requests go on that the instance has, but it takes no further ones
//! and gives no response until that is over. What waits as WASI 0.2 does, such as
//! `std::thread::sleep`, stops all of it. Where nothing is left that could end
//! such a wait, it is a panic that says so.
//!
//! # Tasks that outlive the response
//!
//! When an instance has sent its responses, tasks that were spawned meanwhile go
//! on until they end, but no longer than the [linger time](LINGER). Those that
//! are left then stand still. They go on with the next request, if the host gives
//! the same instance one, and end with the instance otherwise. One that awaits a
//! future of other bindings is not left standing: hosts cannot do without the
//! call that has begun it.
//!
//! [`wasi:http/handler`]: https://github.com/WebAssembly/WASI/blob/main/proposals/http/wit/worlds.wit
// The macro and its constant are there with the feature only.
#![cfg_attr(not(feature = "tokio"), allow(rustdoc::broken_intra_doc_links))]

mod exchange;
#[cfg(feature = "tokio")]
mod export;
#[cfg(feature = "tokio")]
mod handler;
#[cfg(feature = "tokio")]
#[path = "../../server/report.rs"]
mod report;
#[path = "../../server/request.rs"]
mod request;
#[path = "../../server/response.rs"]
mod response;

pub use exchange::answer;
#[cfg(feature = "tokio")]
pub use export::LINGER;
#[cfg(feature = "tokio")]
#[doc(hidden)]
pub use handler::{handle, proceed, COMPONENT_TYPE};

/// Would have a component stand in front of another one's handler, and is an
/// error that says what to do.
#[macro_export]
macro_rules! guard {
    ($($decide:tt)*) => {
        compile_error!(
            "wasi_hyper::guard! is for WASI 0.2 so far: build the guard for that, by \
             `cargo wasip2 init --wasi 0.2`"
        );
    };
}
