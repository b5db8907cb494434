//! A reverse proxy to the URL in the variable UPSTREAM: `cargo wasip2 serve
//! --example proxy --http --env UPSTREAM=http://127.0.0.1:8000`.
//!
//! Neither body is ever held as a whole: what the client does not take is not
//! read from upstream, and the other way round.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;

struct Proxy {
    client: reqwest::Client,
    upstream: String,
}

fn routes() -> Router {
    let upstream = std::env::var("UPSTREAM").expect("UPSTREAM is the URL to pass requests to");
    Router::new().fallback(pass).with_state(Arc::new(Proxy {
        client: reqwest::Client::new(),
        upstream: upstream.trim_end_matches('/').to_owned(),
    }))
}

async fn pass(
    State(proxy): State<Arc<Proxy>>,
    request: Request,
) -> Result<Response, (StatusCode, String)> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut headers = parts.headers;
    headers.remove(header::HOST);
    let response = proxy
        .client
        .request(parts.method, format!("{}{path}", proxy.upstream))
        .headers(headers)
        .body(reqwest::Body::wrap_stream(body.into_data_stream()))
        .send()
        .await
        .map_err(|error| (StatusCode::BAD_GATEWAY, format!("{error}\n")))?;
    let response: axum::http::Response<reqwest::Body> = response.into();
    Ok(response.map(Body::new))
}

#[cfg(target_os = "wasi")]
wasi_hyper::serve!(routes);

fn main() {
    let _ = routes();
    eprintln!("this program answers requests as a component: `cargo wasip2 serve`");
    std::process::exit(2);
}
