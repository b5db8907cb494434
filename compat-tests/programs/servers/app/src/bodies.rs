//! Bodies of requests and of responses.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt, StreamBody};

use crate::pattern::{self, Sum};

pub fn routes() -> Router {
    Router::new()
        .route("/bytes/{length}", get(bytes))
        .route("/stream/{length}/{piece}", get(stream_of))
        .route("/trailers", get(trailers))
        .route("/echo", any(echo))
        .route("/echo-slowly", post(echo_slowly))
        .route("/whole", post(|body: Bytes| async { body }))
        .route("/sum", any(sum))
        .route("/hint", any(hint))
        .route("/unread", post(|| async { "not read" }))
        .route("/half-read", post(half_read))
}

pub async fn text(Path(length): Path<usize>) -> String {
    "All work and no play makes Jack a dull boy. "
        .chars()
        .cycle()
        .take(length)
        .collect()
}

async fn bytes(Path(length): Path<u64>) -> Bytes {
    pattern::bytes(0, length)
}

/// A body of unknown length.
async fn stream_of(Path((length, piece)): Path<(u64, u64)>) -> Body {
    let pieces = stream::unfold(0, move |start| async move {
        let next = piece.min(length - start);
        (next > 0).then(|| {
            let bytes = pattern::bytes(start, next);
            (Ok::<_, Infallible>(bytes), start + next)
        })
    });
    Body::from_stream(pieces)
}

async fn trailers() -> Response {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("42"));
    trailers.append("x-more", HeaderValue::from_static("one"));
    let frames = [
        Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"with trailers"))),
        Ok(Frame::trailers(trailers)),
    ];
    let mut response = Body::new(StreamBody::new(stream::iter(frames))).into_response();
    response
        .headers_mut()
        .insert(header::TRAILER, HeaderValue::from_static("x-sum, x-more"));
    response
}

/// Gives back what comes, as it comes, with its trailers.
async fn echo(request: Request) -> Response {
    let names = request.headers().get(header::TRAILER).cloned();
    let mut response = request.into_body().into_response();
    if let Some(names) = names {
        response.headers_mut().insert(header::TRAILER, names);
    }
    response
}

/// Gives back what comes, with a pause before each piece.
async fn echo_slowly(body: Body) -> Body {
    Body::from_stream(body.into_data_stream().then(async |piece| {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        piece
    }))
}

/// How much came, and what; without ever holding it all.
async fn sum(mut body: Body) -> String {
    let (mut length, mut sum) = (0, Sum::new());
    let mut trailers = None;
    while let Some(frame) = body.frame().await {
        match frame.map(Frame::into_data) {
            Ok(Ok(data)) => {
                length += data.len();
                sum.add(&data);
            }
            Ok(Err(frame)) => trailers = frame.into_trailers().ok(),
            Err(_) => return format!("broken off after {length} bytes"),
        }
    }
    format!(
        "{length} bytes, sum {:x}, trailers {trailers:?}",
        sum.value()
    )
}

/// What is known of a body before it is read.
async fn hint(body: Body) -> String {
    let hint = body.size_hint();
    format!(
        "exact {:?}, at its end {}",
        hint.exact(),
        body.is_end_stream()
    )
}

async fn half_read(mut body: Body) -> String {
    match body.frame().await {
        Some(Ok(_)) => "read a piece".to_owned(),
        Some(Err(_)) => "could not read a piece".to_owned(),
        None => "read nothing".to_owned(),
    }
}
