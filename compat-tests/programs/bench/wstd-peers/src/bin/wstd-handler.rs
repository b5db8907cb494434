//! The routes of the example server `hello`, as a handler that wstd-axum makes
//! of them.

use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};

#[wstd_axum::http_server]
fn main() -> Router {
    Router::new()
        .route("/", get(|| async { "Hello, World!" }))
        .route("/echo", post(|body: Bytes| async { body }))
}
