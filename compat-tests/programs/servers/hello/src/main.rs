//! Answers every GET of `/` with a greeting and every POST of `/echo` with
//! what was sent.

use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};

fn routes() -> Router {
    Router::new()
        .route("/", get(|| async { "Hello, World!" }))
        .route("/echo", post(|body: Bytes| async { body }))
}

#[cfg(target_os = "wasi")]
wasi_hyper::serve!(routes);

fn main() {
    let _ = routes();
    eprintln!("this program answers requests as a component: `cargo wasip2 serve`");
    std::process::exit(2);
}
