//! Headers of requests and of responses.

use std::fmt::Write;

use axum::Router;
use axum::extract::{Path, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::{any, get};

pub fn routes() -> Router {
    Router::new()
        .route("/reflect", any(reflect))
        .route("/repeated", get(repeated))
        .route("/odd", get(odd))
        .route("/empty-value", get(|| async { [("x-empty", "")] }))
        .route("/header/{name}/{value}", get(one))
        .route("/large-header/{length}", get(large))
        .route("/many-headers/{number}", get(many))
        .route("/length-of-head", get(length_of_head))
        .route("/etag", get(etag))
}

/// The request, all of it but its body.
async fn reflect(request: Request) -> String {
    let mut text = format!("{} {}\n", request.method(), request.uri());
    let mut headers: Vec<String> = request
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.as_bytes().escape_ascii()))
        .collect();
    // In what order different names come is nobody's promise.
    headers.sort_by(|one, other| one.split(':').next().cmp(&other.split(':').next()));
    for header in headers {
        let _ = writeln!(text, "{header}");
    }
    text
}

async fn repeated() -> impl IntoResponse {
    let headers = AppendHeaders([
        (header::SET_COOKIE, "one=1; Path=/"),
        (header::SET_COOKIE, "two=2; HttpOnly"),
        (header::VARY, "accept"),
        (header::VARY, "accept-encoding"),
    ]);
    (headers, "repeated")
}

async fn odd() -> Response {
    let mut response = "odd".into_response();
    let headers = response.headers_mut();
    headers.insert("x-latin", HeaderValue::from_bytes(b"caf\xe9").unwrap());
    headers.insert(
        "x-utf8",
        HeaderValue::from_bytes("naïve".as_bytes()).unwrap(),
    );
    headers.insert("x-tab", HeaderValue::from_static("a\tb"));
    headers.insert("x-comma", HeaderValue::from_static("a, b,c"));
    response
}

async fn one(Path((name, value)): Path<(String, String)>) -> Result<Response, StatusCode> {
    let name: HeaderName = name.parse().map_err(|_| StatusCode::BAD_REQUEST)?;
    let value: HeaderValue = value.parse().map_err(|_| StatusCode::BAD_REQUEST)?;
    let mut response = "with a header".into_response();
    response.headers_mut().insert(name, value);
    Ok(response)
}

async fn large(Path(length): Path<usize>) -> Response {
    let mut response = "large".into_response();
    let value = HeaderValue::try_from("x".repeat(length)).unwrap();
    response.headers_mut().insert("x-large", value);
    response
}

async fn many(Path(number): Path<usize>) -> (HeaderMap, &'static str) {
    let mut headers = HeaderMap::new();
    for index in 0..number {
        let name: HeaderName = format!("x-{index}").parse().unwrap();
        headers.insert(name, HeaderValue::from(index));
    }
    (headers, "many")
}

/// A length that is only true of GET.
async fn length_of_head() -> Response {
    let mut response = ().into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from(0));
    response
}

async fn etag(headers: HeaderMap) -> Response {
    let tag = HeaderValue::from_static("\"v1\"");
    let mut response = match headers.get(header::IF_NONE_MATCH) {
        Some(known) if *known == tag => StatusCode::NOT_MODIFIED.into_response(),
        _ => "the first version".into_response(),
    };
    response.headers_mut().insert(header::ETAG, tag);
    response
}
