//! From one request to the end of its response, on WASI 0.3.

use std::error::Error as StdError;
use std::future::{poll_fn, Future, IntoFuture};
use std::pin::Pin;
use std::task::Poll;

use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use tower_service::Service;
use wasip3::http::types::{self, ErrorCode, Fields};
use wasip3::wit_bindgen::FutureRead;
use wasip3::{wit_future, wit_stream};

use super::request;
use super::response::{self, Sent};
use crate::body::Outgoing;
use crate::reactor::Reactor;
use crate::{Error, Incoming};

/// `answer(request, service, reactor, respond)`—Has `service` answer `request`,
/// and sends the response's body to its end.
///
/// `respond` is given the response, which the export has to return. The host
/// takes the body only then, and this goes on until it has.
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
/// - [`wasi:http/types.response`]
///
/// [`wasi:http/types.response`]: https://github.com/WebAssembly/WASI/blob/main/proposals/http/wit/types.wit
pub async fn answer<S, B, R>(
    request: types::Request,
    mut service: S,
    reactor: R,
    respond: impl FnOnce(types::Response),
) -> Result<(), Error>
where
    S: Service<Request<Incoming<R>>, Response = Response<B>>,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: Body,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
    R: Reactor,
{
    let Some(mut request) = request::from_host(request, &reactor) else {
        respond(empty(StatusCode::BAD_REQUEST));
        return Ok(());
    };
    let method = request.method().clone();
    if request::expects_body(&method) {
        request.body_mut().look_ahead();
    }

    let answered = match poll_fn(|cx| service.poll_ready(cx)).await {
        Ok(()) => service.call(request).await,
        Err(error) => Err(error),
    };
    let sent = answered
        .map_err(Error::service)
        .and_then(|response| to_host(response, &method));
    let begun = match sent {
        Ok((response, mut sending)) => poll_fn(|cx| match &mut sending {
            Some(sending) => Poll::Ready(sending.begin(cx)),
            None => Poll::Ready(Ok(())),
        })
        .await
        .map(|()| (response, sending)),
        Err(error) => Err(error),
    };
    match begun {
        Ok((response, sending)) => {
            respond(response);
            match sending {
                Some(sending) => sending.finish().await,
                None => Ok(()),
            }
        }
        Err(error) => {
            respond(empty(StatusCode::INTERNAL_SERVER_ERROR));
            Err(error)
        }
    }
}

/// A response's body on its way to the host.
struct Sending<B: Body> {
    /// None once it has ended.
    body: Option<Outgoing<B>>,
    /// What became of the response; none once that is told.
    told: Option<Pin<Box<Transmitted>>>,
}

/// Whether a response was sent.
type Transmitted = FutureRead<Result<(), ErrorCode>>;

impl<B> Sending<B>
where
    B: Body,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    /// Offers the host what there is of the body.
    ///
    /// # Errors
    ///
    /// Whether the body fails at once.
    fn begin(&mut self, cx: &mut std::task::Context<'_>) -> Result<(), Error> {
        if let Some(body) = &mut self.body {
            if let Poll::Ready(ended) = Pin::new(body).poll(cx) {
                self.body = None;
                ended?;
            }
        }
        Ok(())
    }

    /// Sends it to its end.
    async fn finish(mut self) -> Result<(), Error> {
        poll_fn(|cx| {
            if let Some(told) = &mut self.told {
                if let Poll::Ready(result) = told.as_mut().poll(cx) {
                    self.told = None;
                    // The host wants no more of it. That it wants none because
                    // all was well, it may say before it has got everything.
                    if let Err(code) = result {
                        self.body = None;
                        return Poll::Ready(match is_gone(&code) {
                            true => Ok(()),
                            false => Err(code.into()),
                        });
                    }
                }
            }
            if let Err(error) = self.begin(cx) {
                return Poll::Ready(Err(error));
            }
            match (&self.body, &self.told) {
                (None, None) => Poll::Ready(Ok(())),
                _ => Poll::Pending,
            }
        })
        .await
    }
}

/// Whether the host says that the client has gone away, or is too slow.
fn is_gone(code: &ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::ConnectionTerminated
            | ErrorCode::ConnectionReadTimeout
            | ErrorCode::ConnectionWriteTimeout
    )
}

/// The response to a request of `method`, and its body, unless there is nothing
/// to be sent.
#[allow(clippy::type_complexity)]
fn to_host<B: Body>(
    response: Response<B>,
    method: &Method,
) -> Result<(types::Response, Option<Sending<B>>), Error> {
    let Sent {
        status,
        headers,
        length,
        body,
    } = response::sent(response, method)?;
    let Some(body) = body else {
        return Ok((with_status(without_body(headers), status)?, None));
    };
    let (stream, contents) = wit_stream::new();
    // Whoever drops the writer of the trailers says that the body has not ended.
    let (trailers, told) = wit_future::new(|| Err(ErrorCode::HttpProtocolError));
    let (response, transmitted) = types::Response::new(headers, Some(contents), told);
    let sending = Sending {
        body: Some(Outgoing::new(stream, trailers, body).limit(length)),
        told: Some(Box::pin(transmitted.into_future())),
    };
    Ok((with_status(response, status)?, Some(sending)))
}

fn without_body(headers: Fields) -> types::Response {
    let (trailers, told) = wit_future::new(|| Ok(None));
    let (response, _) = types::Response::new(headers, None, told);
    drop(trailers);
    response
}

fn with_status(response: types::Response, status: StatusCode) -> Result<types::Response, Error> {
    // It is 200 unless something else is said.
    if status != StatusCode::OK {
        response
            .set_status_code(status.as_u16())
            .map_err(|()| Error::refused_part("status", status))?;
    }
    Ok(response)
}

/// An empty response.
pub(super) fn empty(status: StatusCode) -> types::Response {
    // This function is imported already.
    let length = ("content-length".to_owned(), b"0".to_vec());
    let fields = Fields::from_list(&[length]).expect("a length is always allowed");
    let response = without_body(fields);
    // A status that was not taken is 200 here, which a client must not see.
    let taken = response.set_status_code(status.as_u16());
    taken.expect("hosts take the statuses 400 and 500");
    response
}
