//! From one request to the end of its response.

use std::error::Error as StdError;
use std::future::poll_fn;
use std::task::Poll;

use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use tower_service::Service;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

use super::request;
use super::response::{self, Sent};
use crate::body::Outgoing;
use crate::reactor::Reactor;
use crate::{Error, Incoming};

/// `answer(request, out, service, reactor)`—Has `service` answer `request`,
/// and sends the response to its end.
///
/// It is what [`serve!`](crate::serve) does for each request, for whoever
/// writes the export by hand. Dropping the future aborts the exchange.
///
/// A request that HTTP does not allow is answered with status 400, and the
/// service does not see it.
///
/// # Errors
///
/// Whatever came between the request and the end of its response; the client
/// has got status 500, or a response that was aborted.
///
/// - The error of the service, as the source.
/// - A part of the response that the host does not take.
/// - The error of the response's body ([`Error::is_user_body`]).
/// - The code that the host gives ([`Error::code`]), as for a body that is not
///   as long as its `content-length`.
///
/// A client that went away is none.
///
/// # References
///
/// - [`wasi:http/types.response-outparam`]
///
/// [`wasi:http/types.response-outparam`]: https://github.com/WebAssembly/wasi-http/blob/main/wit/types.wit
pub async fn answer<S, B, R>(
    request: IncomingRequest,
    out: ResponseOutparam,
    service: S,
    reactor: R,
) -> Result<(), Error>
where
    S: Service<Request<Incoming<R>>, Response = Response<B>>,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: Body,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
    R: Reactor,
{
    exchange(request, out, service, reactor, || false).await
}

/// Does so, and blocks at the end instead of waiting if it is `alone`.
pub(super) async fn exchange<S, B, R>(
    request: IncomingRequest,
    out: ResponseOutparam,
    mut service: S,
    reactor: R,
    alone: fn() -> bool,
) -> Result<(), Error>
where
    S: Service<Request<Incoming<R>>, Response = Response<B>>,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: Body,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
    R: Reactor,
{
    let Some(mut request) = request::from_host(request, &reactor) else {
        answer_with(StatusCode::BAD_REQUEST, out);
        return Ok(());
    };
    let method = request.method().clone();
    if request::expects_body(&method) {
        poll_fn(|cx| {
            request.body_mut().look_ahead(cx);
            Poll::Ready(())
        })
        .await;
    }

    let answered = match poll_fn(|cx| service.poll_ready(cx)).await {
        Ok(()) => service.call(request).await,
        Err(error) => Err(error),
    };
    let sent = answered
        .map_err(Error::service)
        .and_then(|response| to_host(response, &method));
    let begun = match sent {
        Ok((response, None)) => Ok((response, None)),
        Ok((response, Some((message, body)))) => {
            let mut body = Outgoing::new(message, body, reactor).block_if(alone);
            poll_fn(|cx| Poll::Ready(body.begin(cx)))
                .await
                .map(|()| (response, Some(body)))
        }
        Err(error) => Err(error),
    };
    let (response, body) = match begun {
        Ok(begun) => begun,
        Err(error) => {
            answer_with(StatusCode::INTERNAL_SERVER_ERROR, out);
            return Err(error);
        }
    };
    ResponseOutparam::set(out, Ok(response));
    match body {
        Some(body) => body.await,
        None => Ok(()),
    }
}

/// The response to a request of `method`, and its body with where to write it,
/// unless there is nothing to write.
#[allow(clippy::type_complexity)]
fn to_host<B: Body>(
    response: Response<B>,
    method: &Method,
) -> Result<(OutgoingResponse, Option<(OutgoingBody, B)>), Error> {
    begin(response::sent(response, method)?)
}

/// What is sent of a response, as the host has it, and where to write its body.
#[allow(clippy::type_complexity)]
pub(super) fn begin<B>(
    sent: Sent<B>,
) -> Result<(OutgoingResponse, Option<(OutgoingBody, B)>), Error> {
    let Sent {
        status,
        headers,
        body,
    } = sent;
    let response = OutgoingResponse::new(headers);
    // It is 200 unless something else is said.
    if status != StatusCode::OK {
        response
            .set_status_code(status.as_u16())
            .map_err(|()| Error::refused_part("status", status))?;
    }
    let Some(body) = body else {
        return Ok((response, None));
    };
    // It is refused for a `content-length` that is no number, too.
    let message = response
        .body()
        .map_err(|()| Error::refused_part("body", "with this content-length"))?;
    Ok((response, Some((message, body))))
}

/// Answers with an empty response.
pub(super) fn answer_with(status: StatusCode, out: ResponseOutparam) {
    // This function is imported already.
    let fields = Fields::from_list(&[]).expect("no fields are always allowed");
    let response = OutgoingResponse::new(fields);
    let result = match response.set_status_code(status.as_u16()) {
        Ok(()) => Ok(response),
        Err(()) => Err(ErrorCode::InternalError(None)),
    };
    ResponseOutparam::set(out, result);
}
