//! From a request to its response.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{ready, Context, Poll};

use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{ErrorCode, FutureIncomingResponse, IncomingResponse, OutgoingRequest};

use super::{request, RequestOptions};
use crate::body::{Outgoing, Upload};
use crate::reactor::{Reactor, Waiter};
use crate::{fields, Error, Incoming};

/// Sends a request and gives the response; see [`Client::request`].
///
/// [`Client::request`]: super::Client::request
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture<B: Body, R: Reactor> {
    state: State<B, R>,
    reactor: R,
}

enum State<B: Body, R: Reactor> {
    Start(Box<Request<B>>),
    Sent(Sent<B, R>),
    Done,
}

struct Sent<B: Body, R: Reactor> {
    // In this order they must be dropped, and fields are.
    wait: Option<R::Waiter>,
    response: FutureIncomingResponse,
    body: Option<Box<Outgoing<B, R>>>,

    method: Method,
}

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
            self.state = State::Sent(send(*request, &self.reactor, cx)?);
        }
        let State::Sent(sent) = &mut self.state else {
            panic!("polled after it was done");
        };

        if let Some(body) = &mut sent.body {
            if let Poll::Ready(result) = Pin::new(body).poll(cx) {
                sent.body = None;
                result?;
            }
        }

        let response = loop {
            let wait = match &mut sent.wait {
                Some(wait) => wait,
                None => {
                    let pollable = sent.response.subscribe();
                    let wait = self.reactor.register(pollable).map_err(Error::wait)?;
                    sent.wait.insert(wait)
                }
            };
            ready!(wait.poll_ready(cx)).map_err(Error::wait)?;
            // It is there only after its pollable was polled, and only once.
            if let Some(result) = sent.response.get() {
                break result.expect("asked for once")?;
            }
        };

        let mut response = receive(response, &sent.method, &self.reactor)?;
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
fn send<B, R>(request: Request<B>, reactor: &R, cx: &mut Context<'_>) -> Result<Sent<B, R>, Error>
where
    B: Body,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
    R: Reactor,
{
    let (mut parts, body) = request.into_parts();
    let length = body.size_hint().exact();
    let request = request::to_host(&mut parts, length, OutgoingRequest::new)?;
    let options = match parts.extensions.get::<RequestOptions>() {
        Some(options) => options
            .to_host()
            .map_err(|limit| Error::refused_part(limit, format_args!("{options:?}")))?,
        None => None,
    };
    // A body that is asked for and left empty would be sent as chunks. What
    // there is of the others is given to the host before the headers go: a
    // small body is sent together with them, and is there in time for a server
    // that answers at once and closes.
    let mut sending = None;
    if !body.is_end_stream() && length != Some(0) {
        let message = request.body().expect("its body was not taken before");
        let mut body = Box::new(Outgoing::new(message, body, reactor.clone()));
        match Pin::new(&mut body).poll(cx) {
            Poll::Ready(result) => result?,
            Poll::Pending => sending = Some(body),
        }
    }
    Ok(Sent {
        wait: None,
        response: handle(request, options)?,
        body: sending,
        method: parts.method,
    })
}

fn receive<R: Reactor>(
    response: IncomingResponse,
    method: &Method,
    reactor: &R,
) -> Result<Response<Incoming<R>>, Error> {
    // The headers are the response's child, and gone before it.
    let headers = fields::from_host(&response.headers());
    let status =
        StatusCode::from_u16(response.status()).map_err(|_| ErrorCode::HttpProtocolError)?;
    let is_empty = *method == Method::HEAD
        || status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let body = response.consume().expect("its body was not taken before");
    drop(response);
    let body = Incoming::new(body, &headers, is_empty, reactor.clone());
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}
