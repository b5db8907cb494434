//! [`http`] messages and [`http_body`] bodies over [`wasi:http`].
//!
//! In a component, the host does HTTP: it looks up names, connects, does TLS,
//! and hands over whole messages. This crate makes of that what programs know
//! from hyper: a service that takes an [`http::Request`] with any body and
//! gives an [`http::Response`] with an [`Incoming`] one. Bodies stream in both
//! directions at once, with back-pressure and trailers.
//!
//! A component can be a client, a handler ([`serve!`]), or a guard that stands in
//! front of another one's handler ([`guard!`], with the feature `guard`).
//!
//! It waits and spawns through one trait, [`Reactor`]. The feature `tokio` has
//! it for the current Tokio runtime:
//!
//! ```no_run
//! # #[cfg(all(target_os = "wasi", feature = "tokio"))]
//! # async fn example(body: String) -> Result<(), wasi_hyper::Error> {
//! use wasi_hyper::{client::Client, tokio::Tokio};
//!
//! let request = http::Request::post("https://example.com/").body(body).unwrap();
//! let response = Client::new(Tokio).request(request).await?;
//! # Ok(())
//! # }
//! # fn main() {}
//! ```
//!
//! On targets other than WASI 0.2 and later, this crate is empty.
//!
//! # WASI 0.3
//!
//! With `--cfg wasip3`, as `cargo wasip2 init --wasi 0.3` sets it, and where the
//! target is WASI 0.3's own, the client sends by `wasi:http/client` of WASI 0.3.
//! Its futures wait in whatever executor speaks wit-bindgen's C ABI
//! `wasip3_task`, so a [`Reactor`] only has to spawn. `serve!` exports
//! `wasi:http/handler`, and an instance answers many requests at once.
//!
//! # Drop order
//!
//! WASI 0.2's host ends a component that drops a resource before its children. So in
//! every struct here that holds resources, the fields stand in the order in
//! which they must be dropped: what waits for a pollable before the stream or
//! future of the pollable, and a stream before its body. That makes it safe to
//! drop any future and any body at any time.
//!
//! [`guard!`]: crate::server
//! [`serve!`]: crate::server
//! [`wasi:http`]: https://github.com/WebAssembly/wasi-http/blob/main/wit/types.wit
// Where the crate is empty, there is nothing to link to.
#![cfg_attr(
    not(all(target_os = "wasi", any(target_env = "p2", target_env = "p3"))),
    allow(rustdoc::broken_intra_doc_links)
)]
#![cfg(all(target_os = "wasi", any(target_env = "p2", target_env = "p3")))]

// What differs between the versions of WASI is a file for each: those of 0.3
// are in `p3/`.
pub mod body;
pub mod client;
mod error;
mod fields;
#[cfg_attr(any(target_env = "p3", wasip3), path = "p3/reactor.rs")]
mod reactor;
#[cfg_attr(any(target_env = "p3", wasip3), path = "p3/server/mod.rs")]
pub mod server;
#[cfg(feature = "tokio")]
#[cfg_attr(any(target_env = "p3", wasip3), path = "p3/tokio.rs")]
pub mod tokio;
#[cfg_attr(any(target_env = "p3", wasip3), path = "p3/wasi.rs")]
mod wasi;

pub use body::Incoming;
pub use error::Error;
pub use reactor::{Reactor, Task};
pub use wasi::ErrorCode;

#[cfg(not(any(target_env = "p3", wasip3)))]
pub use reactor::Waiter;

// What the expansion of `serve!` names.
#[cfg(not(any(target_env = "p3", wasip3)))]
#[doc(hidden)]
pub use wasip2 as __export;
