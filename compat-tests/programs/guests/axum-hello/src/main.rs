//! Answers every GET of `/` with a greeting and every POST of `/echo` with
//! what was sent.
//!
//! Usage: axum-hello [ADDRESS]
//!
//! Listens on ADDRESS, 127.0.0.1:0 by default, and prints the address that it
//! got as its first line.

use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:0")).await?;
    println!("{}", listener.local_addr()?);
    let router = Router::new()
        .route("/", get(|| async { "Hello, World!" }))
        .route("/echo", post(|body: Bytes| async { body }));
    axum::serve(listener, router).await
}
