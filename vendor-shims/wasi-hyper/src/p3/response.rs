//! From a request to its response, on WASI 0.3.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{ready, Context, Poll};

use http::header::{Entry, CONTENT_LENGTH};
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use wasip3::http::client;
use wasip3::http::types::{self, ErrorCode};
use wasip3::wit_bindgen::FutureReader;
use wasip3::{wit_future, wit_stream};

use super::{request, RequestOptions};
use crate::body::{Outgoing, Upload};
use crate::reactor::Reactor;
use crate::{fields, Error, Incoming};

/// Sends a request and gives the response; see [`Client::request`].
///
/// [`Client::request`]: super::Client::request
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture<B: Body, R: Reactor> {
    state: State<B>,
    reactor: R,
}

enum State<B: Body> {
    Start(Box<Request<B>>),
    Sent(Sent<B>),
    Done,
}

struct Sent<B: Body> {
    response: Answer,
    /// What becomes of the request; see [`Incoming::set_sent`].
    sent: Option<FutureReader<Result<(), ErrorCode>>>,
    body: Option<Box<Outgoing<B>>>,
    method: Method,
}

/// What becomes of a request.
type Answer = Pin<Box<dyn Future<Output = Result<types::Response, ErrorCode>> + Send + Sync>>;

impl<B, R> ResponseFuture<B, R>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
    R: Reactor,
{
    pub(super) fn new(request: Request<B>, reactor: R) -> ResponseFuture<B, R> {
        ResponseFuture {
            state: State::Start(Box::new(request)),
            reactor,
        }
    }

    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Result<Response<Incoming<R>>, Error>> {
        if let State::Start(_) = self.state {
            let State::Start(request) = std::mem::replace(&mut self.state, State::Done) else {
                unreachable!("it was looked at just before");
            };
            self.state = State::Sent(send(*request, cx)?);
        }
        let State::Sent(sent) = &mut self.state else {
            panic!("polled after it was done");
        };

        let response = sent.response.as_mut().poll(cx);
        if let Some(body) = &mut sent.body {
            if let Poll::Ready(result) = Pin::new(body).poll(cx) {
                sent.body = None;
                result?;
            }
        }
        let response = ready!(response)?;
        let mut response = receive(response, &sent.method)?;
        if let Some(sent) = sent.sent.take() {
            response.body_mut().set_sent(sent);
        }
        if let Some(body) = sent.body.take() {
            let upload = Upload::go_on(Box::into_pin(body), &self.reactor);
            response.body_mut().set_upload(upload);
        }
        Poll::Ready(Ok(response))
    }
}

impl<B, R> Future for ResponseFuture<B, R>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
    R: Reactor,
{
    type Output = Result<Response<Incoming<R>>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = ready!(self.poll_sent(cx));
        self.state = State::Done;
        Poll::Ready(result)
    }
}

impl<B: Body, R: Reactor> Unpin for ResponseFuture<B, R> {}

impl<B: Body, R: Reactor> fmt::Debug for ResponseFuture<B, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

/// Hands the request to the host, which sends it by itself from then on, but
/// for its body.
fn send<B>(request: Request<B>, cx: &mut Context<'_>) -> Result<Sent<B>, Error>
where
    B: Body,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let (mut parts, body) = request.into_parts();
    let length = body.size_hint().exact();
    let options = match parts.extensions.get::<RequestOptions>() {
        Some(options) => options
            .to_host()
            .map_err(|limit| Error::refused_part(limit, format_args!("{options:?}")))?,
        None => None,
    };
    // Whoever drops the writer of the trailers says that there are none, or,
    // where there is a body, that it has not ended.
    let has_body = !body.is_end_stream() && length != Some(0);
    // Asked whether there is one, the host does not know until it has looked for
    // trailers, and sends it in chunks unless a length is said.
    let may_have_body = !matches!(parts.method, Method::GET | Method::HEAD | Method::CONNECT);
    if let (false, true, Entry::Vacant(length)) =
        (has_body, may_have_body, parts.headers.entry(CONTENT_LENGTH))
    {
        length.insert(0.into());
    }
    let (trailers, told) = match has_body {
        true => wit_future::new(|| Err(ErrorCode::HttpProtocolError)),
        false => wit_future::new(|| Ok(None)),
    };
    let (stream, contents) = match has_body {
        true => {
            let (stream, contents) = wit_stream::new();
            (Some(stream), Some(contents))
        }
        false => (None, None),
    };
    let mut sent = None;
    let request = request::to_host(&mut parts, length, |headers| {
        let (request, result) = types::Request::new(headers, contents, told, options);
        sent = Some(result);
        request
    })?;
    // What there is of the body, and that there is none, is offered before the
    // host begins, so that a small one is sent together with the headers: it is
    // there in time for a server that answers at once and closes.
    let mut sending = None;
    if let Some(stream) = stream {
        let mut body = Box::new(Outgoing::new(stream, trailers, body));
        match Pin::new(&mut body).poll(cx) {
            Poll::Ready(result) => result?,
            Poll::Pending => sending = Some(body),
        }
    } else {
        drop(trailers);
    }
    Ok(Sent {
        response: Box::pin(client::send(request)),
        sent,
        body: sending,
        method: parts.method,
    })
}

fn receive<R: Reactor>(
    response: types::Response,
    method: &Method,
) -> Result<Response<Incoming<R>>, Error> {
    let headers = fields::from_host(&response.get_headers());
    let status = StatusCode::from_u16(response.get_status_code())
        .map_err(|_| ErrorCode::HttpProtocolError)?;
    let is_empty = *method == Method::HEAD
        || status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    // The host is told that all went well, as long as it reads that at all.
    let (well, told) = wit_future::new(|| Ok(()));
    let (stream, trailers) = types::Response::consume_body(response, told);
    drop(well);
    let body = Incoming::new(stream, trailers, &headers, is_empty);
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}
