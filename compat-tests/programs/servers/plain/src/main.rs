//! A service without axum: a function from a request to a response or an
//! error. Its tasks go on for 200 ms after a response.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;

/// How many tasks have ended.
static DONE: AtomicU64 = AtomicU64::new(0);

async fn answer<B>(request: Request<B>) -> Result<Response<Full<Bytes>>, String> {
    let body = match request.uri().path() {
        "/" => "Hello, World!".to_owned(),
        "/error" => return Err("this service was told to fail".to_owned()),
        "/later" => {
            tokio::spawn(async {
                tokio::time::sleep(Duration::from_millis(600)).await;
                DONE.fetch_add(1, Ordering::Relaxed);
            });
            "later".to_owned()
        }
        "/done" => {
            // A turn for tasks whose time came while nothing ran.
            tokio::time::sleep(Duration::from_millis(1)).await;
            DONE.load(Ordering::Relaxed).to_string()
        }
        _ => {
            let mut response = Response::new(Full::default());
            *response.status_mut() = StatusCode::NOT_FOUND;
            return Ok(response);
        }
    };
    Ok(Response::new(Full::from(body)))
}

#[cfg(target_os = "wasi")]
wasi_hyper::serve!(
    || tower::service_fn(answer),
    linger = Duration::from_millis(200)
);

fn main() {
    let _ = tower::service_fn(answer::<()>);
    eprintln!("this program answers requests as a component: `cargo wasip2 serve`");
    std::process::exit(2);
}
