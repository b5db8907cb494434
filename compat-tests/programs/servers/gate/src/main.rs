//! Lets requests through that have the token in the variable TOKEN, and says
//! with the answer how long it took. Who asks can set a time limit, in
//! milliseconds, in the header `x-patience`.
//!
//! What it lets through goes to `http://next.internal`: on WASI 0.3 whoever it is
//! composed with, on 0.2 what the host has by that name.
//!
//! ```text
//! cargo wasip2 compose gate.wasm --plug app.wasm     # built for WASI 0.3
//! cargo wasip2 serve gate.wasm --route next.internal=app.wasm
//! ```

#[cfg(target_os = "wasi")]
mod service {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use axum::Router;
    use axum::body::Body;
    use axum::extract::{Request, State};
    use axum::http::{StatusCode, Uri, header};
    use axum::response::Response;
    use wasi_hyper::client::Client;
    use wasi_hyper::tokio::Tokio;

    pub fn routes() -> Router {
        let token = std::env::var("TOKEN").expect("TOKEN is not set");
        let expected: Arc<str> = format!("Bearer {token}").into();
        Router::new().fallback(pass).with_state(expected)
    }

    async fn pass(
        State(expected): State<Arc<str>>,
        mut request: Request,
    ) -> Result<Response, (StatusCode, String)> {
        let started = Instant::now();
        let headers = request.headers_mut();
        let given = headers.get(header::AUTHORIZATION);
        if given.is_none_or(|given| *given != *expected) {
            return Err((StatusCode::UNAUTHORIZED, "a token is needed\n".to_owned()));
        }
        headers.remove(header::HOST);
        let patience = headers.get("x-patience").and_then(|value| {
            let milliseconds = value.to_str().ok()?.parse().ok()?;
            Some(Duration::from_millis(milliseconds))
        });
        let path = request
            .uri()
            .path_and_query()
            .map_or("/", |path| path.as_str());
        *request.uri_mut() = Uri::builder()
            .scheme("http")
            .authority("next.internal")
            .path_and_query(path)
            .build()
            .map_err(|error| (StatusCode::BAD_REQUEST, format!("{error}\n")))?;
        let answered = Client::new(Tokio).request(request);
        let answered = match patience {
            // Whoever is not answered in time is not waited for: the call is cancelled.
            Some(patience) => tokio::time::timeout(patience, answered)
                .await
                .map_err(|error| (StatusCode::GATEWAY_TIMEOUT, format!("{error}\n")))?,
            None => answered.await,
        };
        let mut response =
            answered.map_err(|error| (StatusCode::BAD_GATEWAY, format!("{error}\n")))?;
        let took = format!("gate;dur={:.3}", started.elapsed().as_secs_f64() * 1000.0);
        let headers = response.headers_mut();
        headers.append("server-timing", took.parse().expect("it is plain text"));
        Ok(response.map(Body::new))
    }
}

#[cfg(target_os = "wasi")]
wasi_hyper::serve!(service::routes);

fn main() {
    eprintln!("this program answers requests as a component: `cargo wasip2 serve`");
    std::process::exit(2);
}
