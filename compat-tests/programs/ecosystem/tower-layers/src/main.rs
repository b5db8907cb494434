//! tower-http's layers around a server and a client, over TCP on loopback.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, Response, StatusCode};
use axum::routing::{get, post};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_http::ServiceBuilderExt;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::decompression::DecompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::request_id::MakeRequestUuid;
use tower_http::services::ServeDir;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

fn routes(files: &std::path::Path) -> Router {
    Router::new()
        .route("/text", get(|| async { "word ".repeat(2000) }))
        .route("/echo", post(|body: Bytes| async { body }))
        .route(
            "/slow",
            get(|| async { tokio::time::sleep(Duration::from_secs(5)).await }),
        )
        .nest_service("/files", ServeDir::new(files))
        .layer(
            ServiceBuilder::new()
                .set_x_request_id(MakeRequestUuid)
                .propagate_x_request_id()
                .layer(TraceLayer::new_for_http())
                .layer(CompressionLayer::new())
                .layer(RequestBodyLimitLayer::new(1000))
                .layer(CorsLayer::permissive())
                .layer(TimeoutLayer::with_status_code(
                    StatusCode::REQUEST_TIMEOUT,
                    Duration::from_millis(200),
                )),
        )
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), tower::BoxError> {
    let files = tempfile::tempdir_in(".")?;
    std::fs::write(files.path().join("file.txt"), "0123456789")?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    tokio::spawn(axum::serve(listener, routes(files.path())).into_future());

    let plain = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let mut client = ServiceBuilder::new()
        .timeout(Duration::from_secs(10))
        .layer(DecompressionLayer::new())
        .service(plain.clone());
    let mut send = async |method: &str, path: &str, header: (&str, &str), body: Body| {
        let request = Request::builder()
            .method(method)
            .uri(format!("{base}{path}"))
            .header(header.0, header.1)
            .body(body)
            .unwrap();
        let response: Response<_> = client.ready().await?.call(request).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?;
        Ok::<_, tower::BoxError>((head, body.to_bytes()))
    };
    let none = ("accept", "*/*");

    let (head, body) = send("GET", "/text", none, Body::empty()).await?;
    checks::equal("the text, unpacked", body.len(), 10_000);
    checks::that("a request id", head.headers.contains_key("x-request-id"));
    checks::equal("cors", &head.headers["access-control-allow-origin"], "*");
    let packed = Request::get(format!("{base}/text")).header("accept-encoding", "gzip");
    let packed = plain.request(packed.body(Body::empty())?).await?;
    checks::equal("the coding", &packed.headers()["content-encoding"], "gzip");
    let packed = packed.into_body().collect().await?.to_bytes();
    checks::that(
        "it is smaller",
        packed.len() < 200 && packed[..2] == [0x1f, 0x8b],
    );

    let (head, _) = send("POST", "/echo", none, Body::from(vec![0; 1001])).await?;
    checks::equal("too large", head.status, StatusCode::PAYLOAD_TOO_LARGE);
    let (_, body) = send("POST", "/echo", none, Body::from(vec![7; 1000])).await?;
    checks::equal("not too large", body.len(), 1000);
    let (head, _) = send("GET", "/slow", none, Body::empty()).await?;
    checks::equal("too slow", head.status, StatusCode::REQUEST_TIMEOUT);

    let (head, body) = send("GET", "/files/file.txt", none, Body::empty()).await?;
    checks::equal("a file", body, "0123456789");
    checks::equal("its type", &head.headers["content-type"], "text/plain");
    let range = ("range", "bytes=2-4");
    let (head, body) = send("GET", "/files/file.txt", range, Body::empty()).await?;
    checks::equal("a part", head.status, StatusCode::PARTIAL_CONTENT);
    checks::equal("its bytes", body, "234");
    let (head, _) = send("GET", "/files/nothing", none, Body::empty()).await?;
    checks::equal("no file", head.status, StatusCode::NOT_FOUND);
    checks::finish();
    Ok(())
}
