//! Keeps the responses of the URL in the variable UPSTREAM in the directory
//! `/cache`, and answers with what is there. Whether it was is in the header
//! `x-cache`.
//!
//! A response fills the cache while it passes through: neither waits for the
//! other, and one that breaks off is not kept.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt, stream};
use tokio::fs;
use tokio::io::AsyncWriteExt;

struct Cache {
    client: reqwest::Client,
    upstream: String,
}

/// Tells files apart that are not whole yet.
static NEXT: AtomicU64 = AtomicU64::new(0);

fn routes() -> Router {
    Router::new().fallback(answer).with_state(Arc::new(Cache {
        client: reqwest::Client::new(),
        upstream: std::env::var("UPSTREAM").expect("UPSTREAM is the URL to pass requests to"),
    }))
}

async fn answer(
    State(cache): State<Arc<Cache>>,
    request: Request,
) -> Result<Response, (StatusCode, String)> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let is_get = parts.method == Method::GET;
    let file = file(path);
    if is_get && let Ok(kept) = fs::read(&file).await {
        return Ok(marked(kept.into_response(), "hit"));
    }
    let mut headers = parts.headers;
    headers.remove(header::HOST);
    let response = cache
        .client
        .request(parts.method, format!("{}{path}", cache.upstream))
        .headers(headers)
        .body(reqwest::Body::wrap_stream(body.into_data_stream()))
        .send()
        .await
        .map_err(|error| (StatusCode::BAD_GATEWAY, format!("{error:?}\n")))?;
    let keep = is_get && response.status() == StatusCode::OK;
    let response: axum::http::Response<reqwest::Body> = response.into();
    let response = response.map(Body::new);
    Ok(match keep {
        true => marked(
            response.map(|body| Body::from_stream(filling(body, file))),
            "miss",
        ),
        false => response,
    })
}

fn marked(mut response: Response, how: &'static str) -> Response {
    let headers = response.headers_mut();
    headers.insert("x-cache", HeaderValue::from_static(how));
    response
}

/// Where the response to `path` is kept.
fn file(path: &str) -> PathBuf {
    let name: String = path.bytes().map(|byte| format!("{byte:02x}")).collect();
    PathBuf::from("/cache").join(name)
}

/// What is in `body`, as it comes; when it has ended, it is in `file` as well.
fn filling(body: Body, file: PathBuf) -> impl Stream<Item = io::Result<bytes::Bytes>> {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let nanoseconds = now.map_or(0, |now| now.as_nanos());
    let part = file.with_extension(format!("{nanoseconds}-{number}"));
    let start = (body.into_data_stream(), None, part, file);
    stream::try_unfold(start, |(mut pieces, open, part, file)| async move {
        let mut open = match open {
            Some(open) => open,
            None => fs::File::create(&part).await?,
        };
        match pieces.next().await {
            Some(Ok(piece)) => {
                open.write_all(&piece).await?;
                Ok(Some((piece, (pieces, Some(open), part, file))))
            }
            Some(Err(error)) => {
                fs::remove_file(&part).await?;
                Err(io::Error::other(error))
            }
            None => {
                open.flush().await?;
                fs::rename(&part, &file).await?;
                Ok(None)
            }
        }
    })
}

#[cfg(target_os = "wasi")]
wasi_hyper::serve!(routes);

fn main() {
    let _ = routes();
    eprintln!("this program answers requests as a component: `cargo wasip2 serve`");
    std::process::exit(2);
}
