//! Answers `GET /` with a greeting, `GET /wait` with the same after 10 ms, and
//! `GET /body` with one mebibyte. Prints its address first; `GET /quit` ends the
//! program.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::routing::get;
use tokio::net::TcpListener;

static BODY: [u8; 1 << 20] = [b'x'; 1 << 20];

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let router = Router::new()
        .route("/", get(|| async { "Hello, World!" }))
        .route("/wait", get(wait))
        .route("/body", get(|| async { Bytes::from_static(&BODY) }))
        .route("/quit", get(quit));
    axum::serve(listener, router).await
}

async fn wait() -> &'static str {
    tokio::time::sleep(Duration::from_millis(10)).await;
    "Hello, World!"
}

async fn quit() {
    std::process::exit(0);
}
