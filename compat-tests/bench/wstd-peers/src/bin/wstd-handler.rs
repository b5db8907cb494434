//! A greeting by axum, as a handler that wstd-axum makes of it.

use axum::Router;
use axum::routing::get;

#[wstd_axum::http_server]
fn main() -> Router {
    Router::new().route("/", get(|| async { "Hello, World!" }))
}
