//! Handlers that do not do what they should.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use futures_util::{StreamExt, stream};

pub fn routes() -> Router {
    Router::new()
        .route("/panic", get(panics))
        .route("/panic-late", get(panics_late))
        .route("/never", get(std::future::pending::<()>))
        .route("/nearly-never", get(nearly_never))
        .route("/compute", get(computes))
        .route("/allocate/{mebibytes}", get(allocates))
        .route("/fails-late", get(fails_late))
        .route("/length/{said}/{sent}", get(length))
}

async fn panics() -> &'static str {
    panic!("this handler was told to panic");
}

async fn panics_late() -> Body {
    let pieces = stream::iter(0..3).then(async |index| {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if index == 2 {
            panic!("this body was told to panic");
        }
        Ok::<_, io::Error>(Bytes::from_static(b"a piece\n"))
    });
    Body::from_stream(pieces)
}

/// Waits for something, but for too long.
async fn nearly_never() {
    tokio::time::sleep(Duration::from_secs(3600)).await;
}

async fn computes() -> String {
    let mut number = 1_u64;
    loop {
        number = std::hint::black_box(number.wrapping_mul(3));
        if number == 0 {
            return "an odd number is never even".to_owned();
        }
    }
}

async fn fails_late() -> Body {
    let pieces = stream::iter(0..3).then(async |index| {
        tokio::time::sleep(Duration::from_millis(20)).await;
        match index {
            2 => Err(io::Error::other("this body was told to fail")),
            _ => Ok(Bytes::from_static(b"a piece\n")),
        }
    });
    Body::from_stream(pieces)
}

/// Says one length and sends another.
async fn length(Path((said, sent)): Path<(u64, usize)>) -> Response {
    let pieces = stream::iter([Ok::<_, io::Error>(Bytes::from(vec![b'x'; sent]))]);
    let mut response = Body::from_stream(pieces).into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from(said));
    response
}

async fn allocates(Path(mebibytes): Path<usize>) -> String {
    let bytes = vec![1_u8; mebibytes << 20];
    format!("{} bytes", std::hint::black_box(bytes).len())
}
