//! Keeps small responses in memory, for the next requests of the same instance,
//! and streams the others through. Whether one was there is in the header
//! `x-cache`.
//!
//! What it does not have it asks `http://next.internal` for: on WASI 0.3 whoever
//! it is composed with, on 0.2 what the host has by that name. There each request
//! has an instance by itself, and finds nothing unless that is reused.

#[cfg(target_os = "wasi")]
mod service {
    use std::collections::HashMap;
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::body::{Body, Bytes, HttpBody, to_bytes};
    use axum::extract::{Request, State};
    use axum::http::response::Parts;
    use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
    use axum::response::Response;
    use wasi_hyper::client::Client;
    use wasi_hyper::tokio::Tokio;

    /// How long a response is at most that is kept, and how many are.
    const LONGEST: u64 = 64 << 10;
    const MOST: usize = 1000;

    type Kept = Arc<Mutex<HashMap<String, (Parts, Bytes)>>>;

    type Failure = (StatusCode, String);

    pub fn routes() -> Router {
        Router::new().fallback(answer).with_state(Kept::default())
    }

    async fn answer(State(kept): State<Kept>, mut request: Request) -> Result<Response, Failure> {
        let path = request.uri().path_and_query();
        let path = path.map_or("/", |path| path.as_str()).to_owned();
        let is_get = request.method() == Method::GET;
        if is_get && let Some((parts, body)) = kept.lock().expect("nobody panics").get(&path) {
            let response = Response::from_parts(parts.clone(), Body::from(body.clone()));
            return Ok(marked(response, "hit"));
        }
        request.headers_mut().remove(header::HOST);
        *request.uri_mut() = Uri::builder()
            .scheme("http")
            .authority("next.internal")
            .path_and_query(&*path)
            .build()
            .map_err(|error| (StatusCode::BAD_REQUEST, format!("{error}\n")))?;
        let answered = Client::new(Tokio).request(request).await;
        let response = answered.map_err(failed)?.map(Body::new);
        let length = response.body().size_hint().exact();
        let keep = is_get
            && response.status() == StatusCode::OK
            && length.is_some_and(|length| length <= LONGEST);
        if !keep {
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, LONGEST as usize).await.map_err(failed)?;
        let mut kept = kept.lock().expect("nobody panics");
        if kept.len() < MOST {
            kept.insert(path, (parts.clone(), body.clone()));
        }
        Ok(marked(
            Response::from_parts(parts, Body::from(body)),
            "miss",
        ))
    }

    fn marked(mut response: Response, how: &'static str) -> Response {
        let headers = response.headers_mut();
        headers.insert("x-cache", HeaderValue::from_static(how));
        response
    }

    fn failed(error: impl std::fmt::Display) -> Failure {
        (StatusCode::BAD_GATEWAY, format!("{error}\n"))
    }
}

#[cfg(target_os = "wasi")]
wasi_hyper::serve!(service::routes);

fn main() {
    eprintln!("this program answers requests as a component: `cargo wasip2 serve`");
    std::process::exit(2);
}
