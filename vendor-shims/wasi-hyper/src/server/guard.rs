//! Components that stand in front of a handler.

use std::mem;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use wasip2::http::types::{IncomingRequest, OutgoingBody, ResponseOutparam};

use super::exchange::{answer_with, begin};
use super::report::report;
use super::{next, request, response};
use crate::Error;

/// What a stream takes at once without waiting in between.
const PIECE: usize = 4096;

/// `guard(request, out, decide)`—Hands `request` on to the handler behind this
/// component if `decide` says `Ok`, and answers it with the response that it
/// gives otherwise.
///
/// `decide` sees the head as a service of [`server`](crate::server) would see it.
/// The body is not touched: what is behind the guard reads it from the client,
/// and its response goes to the client, both as if there were no guard. It is
/// what [`guard!`](crate::guard) does for each request, for whoever writes the
/// export by hand.
///
/// A request that HTTP does not allow is answered with status 400, and nobody
/// else sees it.
///
/// # Errors
///
/// A response of `decide` that the host does not take; the client has got status
/// 500. A client that went away is none.
///
/// # References
///
/// - [`wasi:http/incoming-handler.handle`]
///
/// [`wasi:http/incoming-handler.handle`]: https://github.com/WebAssembly/wasi-http/blob/main/wit/handler.wit
pub fn guard<B: Into<Bytes>>(
    request: IncomingRequest,
    out: ResponseOutparam,
    decide: impl FnOnce(&Request<()>) -> Result<(), Response<B>>,
) -> Result<(), Error> {
    let Some(head) = request::head(&request) else {
        answer_with(StatusCode::BAD_REQUEST, out);
        return Ok(());
    };
    match decide(&head) {
        Ok(()) => {
            next::handle(request, out);
            Ok(())
        }
        Err(refusal) => refuse(refusal.map(Into::into), head.method(), out),
    }
}

/// Answers with `refusal` instead of the handler.
fn refuse(refusal: Response<Bytes>, method: &Method, out: ResponseOutparam) -> Result<(), Error> {
    let (parts, bytes) = refusal.into_parts();
    let length = Some(bytes.len() as u64);
    let sent = response::head(parts, method, length, bytes.is_empty());
    let (response, body) = match sent.and_then(begin) {
        Ok(begun) => begun,
        Err(error) => {
            answer_with(StatusCode::INTERNAL_SERVER_ERROR, out);
            return Err(error);
        }
    };
    ResponseOutparam::set(out, Ok(response));
    if let Some((body, ())) = body {
        send(body, &bytes);
    }
    Ok(())
}

/// Sends it all, unless the client goes away: then nobody is told.
fn send(body: OutgoingBody, bytes: &[u8]) {
    let stream = body.write().expect("nobody else has asked for it");
    let sent = bytes
        .chunks(PIECE)
        .all(|piece| stream.blocking_write_and_flush(piece).is_ok());
    drop(stream);
    match sent {
        true => mem::drop(OutgoingBody::finish(body, None)),
        // What was sent is not the whole.
        false => drop(body),
    }
}

/// The same, with an error on standard error: what [`guard!`](crate::guard)
/// exports.
#[doc(hidden)]
pub fn stand<B: Into<Bytes>>(
    request: IncomingRequest,
    out: ResponseOutparam,
    decide: impl FnOnce(&Request<()>) -> Result<(), Response<B>>,
) {
    if let Err(error) = guard(request, out, decide) {
        report(&error);
    }
}

/// `guard!(decide)`—Has this component stand in front of another one that
/// exports `wasi:http/incoming-handler`.
///
/// `decide` is a function from the head of a request to `Ok(())`, which hands the
/// request on untouched, or to the response that the client gets instead:
///
/// ```ignore
/// use http::{Request, Response};
///
/// fn decide(head: &Request<()>) -> Result<(), Response<&'static str>> {
///     match head.uri().path().starts_with("/private") {
///         false => Ok(()),
///         true => Err(Response::builder().status(403).body("not for you\n").unwrap()),
///     }
/// }
///
/// wasi_hyper::guard!(decide);
/// ```
///
/// The component imports the handler that it exports. What that is, whoever
/// composes the two says, as with `cargo wasip2 compose guard.wasm --plug
/// app.wasm`; guards can stand in front of guards.
///
/// Both are in one store and have the same rights. A guard may wait before it
/// decides, for an answer of another server for example, with a runtime of its
/// own; in that time nothing else in the composition runs. It sees no response,
/// and cannot change a request: WASI 0.2 has no way to make one.
///
/// Use it once in a component, at the root of a library of the crate type
/// `cdylib` or of a program.
#[macro_export]
macro_rules! guard {
    ($decide:expr) => {
        const _: () = {
            struct Guard;

            impl $crate::__export::exports::http::incoming_handler::Guest for Guard {
                fn handle(
                    request: $crate::__export::http::types::IncomingRequest,
                    out: $crate::__export::http::types::ResponseOutparam,
                ) {
                    $crate::server::stand(request, out, $decide);
                }
            }

            $crate::__export::http::proxy::export!(Guard);
        };
    };
}
