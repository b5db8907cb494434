//! Serves over sockets in each of the ways that programs do it.
//!
//! Usage: connections axum | http1 | http2 | client
//!
//! `client` is a server of each kind and a client of hyper's own builders for
//! it, in one program.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{Request, Response};
use axum::routing::{get, post};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{client, server};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// How long a client has to send the head of a request.
const HEAD: Duration = Duration::from_millis(500);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let how = std::env::args().nth(1).unwrap_or_default();
    if how == "client" {
        return exchange().await;
    }
    let stop = Arc::new(Notify::new());
    let routes = routes(stop.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/", listener.local_addr()?);
    match how.as_str() {
        "axum" => {
            axum::serve(listener, routes)
                .with_graceful_shutdown(async move { stop.notified().await })
                .await?;
        }
        "http1" | "http2" => accept(listener, routes, how == "http2").await?,
        _ => return Err("usage: connections axum | http1 | http2 | client".into()),
    }
    Ok(())
}

fn routes(stop: Arc<Notify>) -> Router {
    let stop = move || {
        stop.notify_one();
        async {}
    };
    Router::new()
        .route("/", get(version))
        .route("/wait/{milliseconds}", get(wait))
        .route("/bytes/{length}", get(bytes))
        .route("/echo", post(echo))
        .route("/stop", post(stop))
}

async fn version(request: Request<Body>) -> String {
    format!("{:?}", request.version())
}

async fn bytes(Path(length): Path<usize>) -> Vec<u8> {
    vec![7; length]
}

async fn echo(body: Body) -> Response<Body> {
    Response::new(body)
}

async fn wait(Path(milliseconds): Path<u64>) -> String {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    format!("waited {milliseconds} ms")
}

/// Serves with hyper's own builders.
async fn accept(listener: TcpListener, routes: Router, http2: bool) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let (stream, service) = (
            TokioIo::new(stream),
            TowerToHyperService::new(routes.clone()),
        );
        tokio::spawn(async move {
            // A client that misbehaves is no matter of the others.
            let _ = if http2 {
                server::conn::http2::Builder::new(TokioExecutor::new())
                    .timer(TokioTimer::new())
                    .serve_connection(stream, service)
                    .await
            } else {
                server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEAD)
                    .half_close(true)
                    .serve_connection(stream, service)
                    .await
            };
        });
    }
}

async fn exchange() -> Result<(), Box<dyn Error>> {
    for http2 in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(accept(listener, routes(Arc::default()), http2));
        let stream = TokioIo::new(TcpStream::connect(address).await?);
        if http2 {
            let builder = client::conn::http2::Builder::new(TokioExecutor::new());
            let (mut sender, connection) = builder.handshake(stream).await?;
            tokio::spawn(connection);
            for (uri, body) in requests() {
                show(
                    sender
                        .send_request(request(&address.to_string(), uri, body))
                        .await?,
                )
                .await?;
            }
        } else {
            let (mut sender, connection) = client::conn::http1::handshake(stream).await?;
            tokio::spawn(connection);
            for (uri, body) in requests() {
                sender.ready().await?;
                show(
                    sender
                        .send_request(request(&address.to_string(), uri, body))
                        .await?,
                )
                .await?;
            }
        }
        server.abort();
    }
    Ok(())
}

fn requests() -> [(&'static str, Vec<u8>); 4] {
    [
        ("/", Vec::new()),
        ("/wait/20", Vec::new()),
        ("/echo", vec![5; 300_000]),
        ("/bytes/1000000", Vec::new()),
    ]
}

fn request(authority: &str, path: &str, body: Vec<u8>) -> Request<Full<Bytes>> {
    let method = if body.is_empty() { "GET" } else { "POST" };
    Request::builder()
        .method(method)
        .uri(format!("http://{authority}{path}"))
        .header("host", authority)
        .body(Full::new(body.into()))
        .expect("its parts are valid")
}

async fn show(response: Response<Incoming>) -> Result<(), Box<dyn Error>> {
    let (version, status) = (response.version(), response.status());
    let body = response.into_body().collect().await?.to_bytes();
    let text = match std::str::from_utf8(&body) {
        Ok(text) if body.len() < 100 && body.is_ascii() && !body.contains(&7) => text,
        _ => "bytes",
    };
    println!("{version:?} {status} {} {text}", body.len());
    Ok(())
}
