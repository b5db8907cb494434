//! Serving requests, as hyper's servers do.
//!
//! A component that exports [`wasi:http/incoming-handler`] is called by its
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
//!   written to standard error.
//! - **A panic** ends the instance, since this target does not unwind. The
//!   host answers 500 if nothing was answered yet, and should abort the
//!   response otherwise.
//! - **A client that goes away** is noticed when the next piece of the
//!   response is sent: the response's body is dropped then. While the service
//!   has not answered, only the request's body can tell, by an error; WASI has
//!   nothing else that does.
//!
//! # Tasks that outlive the response
//!
//! There is one current-thread Tokio runtime for an instance. When a response
//! was sent, tasks that were spawned since its request came go on until they
//! end, but no longer than the [linger time](LINGER), and only then the call
//! returns. Those that are left then stand still. They go on with the next
//! request, if the host gives the same instance one, and end with the instance
//! otherwise.
//!
//! # A guard
//!
//! With the feature `guard`, [`guard!`](crate::guard) makes a component that
//! stands in front of another one's handler: it decides by the head of a request
//! whether that is handed on untouched, or answered at once.
//!
//! # More than one request
//!
//! Hosts may make an instance for every request, or reuse one. The service is
//! made once for each instance, and a clone of it gets each request. So state
//! in the service, as in an axum `State`, lasts as long as the instance, and no
//! longer.
//!
//! A component can be pre-initialised, by `cargo wasip2 preinit` or by what else
//! uses Wizer for components: what an instance has in memory after a request is
//! then what every instance begins with. The service, and the runtime, were
//! made before, and `make` is called no more. What it reads, such as
//! environment variables, is as it was then.
//!
//! [`wasi:http/incoming-handler`]: https://github.com/WebAssembly/wasi-http/blob/main/wit/handler.wit
// The macros and what they name are there with their features only.
#![cfg_attr(
    not(all(feature = "guard", feature = "tokio")),
    allow(rustdoc::broken_intra_doc_links)
)]

mod exchange;
#[cfg(feature = "tokio")]
mod export;
#[cfg(feature = "guard")]
mod guard;
#[cfg(feature = "tokio")]
mod heap;
#[cfg(feature = "tokio")]
mod linger;
#[cfg(feature = "guard")]
mod next;
#[cfg(any(feature = "guard", feature = "tokio"))]
mod report;
mod request;
mod response;

pub use exchange::answer;
#[cfg(feature = "tokio")]
pub use export::{handle, LINGER};
#[cfg(feature = "guard")]
pub use guard::{guard, stand};
#[cfg(feature = "tokio")]
#[doc(hidden)]
pub use heap::PageStart;
