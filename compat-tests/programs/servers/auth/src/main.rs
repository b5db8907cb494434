//! Lets requests through that have the token in the variable TOKEN, to the URL
//! in UPSTREAM, which may be another component in the same host:
//!
//! ```text
//! cargo wasip2 serve --example auth --env TOKEN=secret \
//!     --env UPSTREAM=http://app.internal --route app.internal=app.wasm
//! ```

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;

struct Gate {
    client: reqwest::Client,
    upstream: String,
    expected: String,
}

fn routes() -> Router {
    let variable = |name| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    Router::new().fallback(pass).with_state(Arc::new(Gate {
        client: reqwest::Client::new(),
        upstream: variable("UPSTREAM"),
        expected: format!("Bearer {}", variable("TOKEN")),
    }))
}

async fn pass(
    State(gate): State<Arc<Gate>>,
    request: Request,
) -> Result<Response, (StatusCode, String)> {
    let (parts, body) = request.into_parts();
    let mut headers = parts.headers;
    // What follows sees who is let through, and not by what.
    let given = headers.remove(header::AUTHORIZATION);
    if given.is_none_or(|given| given != gate.expected) {
        return Err((StatusCode::UNAUTHORIZED, "a token is needed\n".to_owned()));
    }
    headers.remove(header::HOST);
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let response = gate
        .client
        .request(parts.method, format!("{}{path}", gate.upstream))
        .headers(headers)
        .body(reqwest::Body::wrap_stream(body.into_data_stream()))
        .send()
        .await
        .map_err(|error| (StatusCode::BAD_GATEWAY, format!("{error:?}\n")))?;
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
