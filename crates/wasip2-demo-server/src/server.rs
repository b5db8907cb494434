//! What is asked for, and where it is served.

use std::convert::Infallible;
use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

use crate::{Background, Waits, site};

/// The longest delay that a client can ask for, in milliseconds.
const LONGEST_WAIT: u64 = 60_000;

/// A server that answers until it is dropped.
#[derive(Debug)]
pub struct DemoServer {
    server: Background,
}

impl DemoServer {
    /// Serves on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// Where there is no port or no thread to be had.
    pub fn start() -> io::Result<DemoServer> {
        let server = Background::start(serve)?;
        Ok(DemoServer { server })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Its address as a URL with a name, so that clients look the name up.
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.address().port())
    }
}

async fn serve(listener: TcpListener) -> io::Result<()> {
    let waits = Arc::<Waits>::default();
    loop {
        let (stream, _) = listener.accept().await?;
        let waits = waits.clone();
        tokio::spawn(async move {
            let service =
                service_fn(|request| async { Ok::<_, Infallible>(answer(request, &waits).await) });
            // A client that breaks off concerns no other.
            let _ = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// The answer to a request.
///
/// `GET /wait/{milliseconds}/{number}` answers after that long with a line that
/// names both, and is counted in `waits`; `GET /hello` greets; `POST /echo`
/// answers with what was sent. Beside them is a small site: `GET
/// /site/{number}` is a page, `GET /site.json` says what the site is, `GET
/// /file/{length}` is so many bytes, `POST /upload` takes a form and answers
/// with a line for each part.
pub async fn answer<B>(request: Request<B>, waits: &Waits) -> Response<Full<Bytes>>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let path = request.uri().path().to_owned();
    let words: Vec<&str> = path.split('/').skip(1).collect();
    let wanted = match *words {
        ["echo" | "upload"] => Method::POST,
        ["wait", _, _] | ["hello" | "site.json"] | ["site" | "file", _] => Method::GET,
        _ => return status(StatusCode::NOT_FOUND),
    };
    let method = request.method();
    if *method != wanted && !(wanted == Method::GET && *method == Method::HEAD) {
        return status(StatusCode::METHOD_NOT_ALLOWED);
    }
    let number = |word: &str| word.parse::<u64>().ok();
    match *words {
        ["wait", milliseconds, number_of] => match (number(milliseconds), number(number_of)) {
            (Some(milliseconds), Some(number)) => {
                let time = Duration::from_millis(milliseconds.min(LONGEST_WAIT));
                waits.wait(time).await;
                text(format!("request {number} waited {milliseconds} ms"))
            }
            _ => status(StatusCode::BAD_REQUEST),
        },
        ["hello"] => text("Hello, World!"),
        ["echo"] => match request.into_body().collect().await {
            Ok(body) => typed("application/octet-stream", body.to_bytes()),
            Err(_) => status(StatusCode::BAD_REQUEST),
        },
        ["site", page] => match number(page) {
            Some(page) => match site::page(page as usize, waits).await {
                Some(page) => typed("text/html", page),
                None => status(StatusCode::NOT_FOUND),
            },
            None => status(StatusCode::BAD_REQUEST),
        },
        ["site.json"] => typed("application/json", site::description()),
        ["file", length] => match number(length) {
            Some(length) => typed("application/octet-stream", site::file(length as usize)),
            None => status(StatusCode::BAD_REQUEST),
        },
        _ => match site::upload(request).await {
            Ok(said) => text(said),
            Err(error) => {
                let mut response = text(error.to_string());
                *response.status_mut() = StatusCode::BAD_REQUEST;
                response
            }
        },
    }
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}

fn text(text: impl Display) -> Response<Full<Bytes>> {
    typed("text/plain; charset=utf-8", text.to_string())
}

fn typed(kind: &'static str, content: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(content.into()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
