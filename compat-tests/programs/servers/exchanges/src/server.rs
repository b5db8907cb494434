//! The server's end.

use std::io;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;

use crate::exchange::{Exchange, NUMBER};
use crate::judge::{Judge, Verdict};
use crate::pages;

/// Answers every exchange as its path says. What is wrong with a request that
/// looks whole is told on standard error, in a line that begins with WRONG: the
/// client may never get a response.
pub fn routes() -> Router {
    Router::new()
        .route("/pages", get(|| async { pages().to_string() }))
        .fallback(answer)
}

async fn answer(request: Request) -> Response {
    let Some(exchange) = Exchange::of(request.uri().path()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let upload = Upload::new(exchange, request);
    let body = match exchange.early {
        true => early(exchange, upload),
        false => match upload.read().await {
            Ok(()) => late(exchange),
            Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
        },
    };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(NUMBER, HeaderValue::from(exchange.number));
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    if !exchange.down.chunked {
        headers.insert(
            header::CONTENT_LENGTH,
            HeaderValue::from(exchange.down.length),
        );
    }
    response
}

/// The response's body, once the request's was read.
fn late(exchange: Exchange) -> Body {
    Body::from_stream(exchange.down.pieces())
}

/// The same with the request's being read in between, and to its end before the
/// response has its own: a client that still sends when the connection closes
/// may lose the response.
fn early(exchange: Exchange, upload: Upload) -> Body {
    let (most, last) = exchange.down.but_last();
    let reading = stream::once(upload.read()).filter_map(async |read| read.err().map(Err));
    let pieces = most
        .pieces()
        .map(|piece| piece.map_err(|never| match never {}));
    let last = stream::iter(last.map(Ok));
    Body::from_stream(stream::select(pieces, reading).chain(last))
}

/// A request's body, while it comes.
struct Upload {
    exchange: Exchange,
    judge: Judge,
    body: Body,
}

impl Upload {
    fn new(exchange: Exchange, request: Request) -> Upload {
        let said = said(request.headers());
        Upload {
            exchange,
            judge: Judge::new(exchange.up, said),
            body: request.into_body(),
        }
    }

    async fn read(mut self) -> io::Result<()> {
        let ended = loop {
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        self.judge.piece(data);
                    }
                }
                Some(Err(error)) => break Err(io::Error::other(error)),
                None => break Ok(()),
            }
        };
        let wrong = match (&ended, self.judge.end()) {
            (Ok(()), Verdict::Wrong(wrong)) => Some(wrong),
            (Ok(()), Verdict::Right) => None,
            (Err(_), _) => self.judge.broken(),
        };
        if let Some(wrong) = wrong {
            let at_end = self.body.is_end_stream();
            eprintln!(
                "WRONG {}: the request of {:?}: {wrong} (at its end: {at_end})",
                self.exchange.number, self.exchange
            );
        }
        ended
    }
}

/// How long the head says that the body is.
fn said(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}
