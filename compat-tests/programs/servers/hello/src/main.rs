//! Answers every GET of `/` with a greeting, that of `/wait` with the same after
//! 10 ms, and every POST of `/echo` with what was sent.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};

fn routes() -> Router {
    Router::new()
        .route("/", get(|| async { "Hello, World!" }))
        .route("/wait", get(wait))
        .route("/echo", post(|body: Bytes| async { body }))
}

async fn wait() -> &'static str {
    tokio::time::sleep(Duration::from_millis(10)).await;
    "Hello, World!"
}

#[cfg(target_os = "wasi")]
wasi_hyper::serve!(routes);

fn main() {
    let _ = routes();
    eprintln!("this program answers requests as a component: `cargo wasip2 serve`");
    std::process::exit(2);
}
