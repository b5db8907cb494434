//! One application for every side of HTTP: the same routes over sockets,
//! natively or in a component (`app`), and as a handler of `wasi:http`
//! (`cargo wasip2 serve --example app`).
//!
//! FILES is the directory that `/files` serves, if there is to be one.

mod bodies;
mod faults;
mod headers;
mod pattern;
mod tasks;

use std::time::Duration;

use axum::extract::{Form, Json, Path, Query};
use axum::http::StatusCode;
use axum::response::{Html, Redirect};
use axum::routing::{any, get, post};
use axum::{Router, extract::DefaultBodyLimit};
use serde::{Deserialize, Serialize};
use tower_http::compression::CompressionLayer;
use tower_http::services::ServeDir;
use tower_http::timeout::TimeoutLayer;

fn routes() -> Router {
    let impatient = Router::new()
        .route("/impatient/{milliseconds}", get(wait))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            Duration::from_millis(200),
        ));
    let compressed = Router::new()
        .route("/compressed/{length}", get(bodies::text))
        .layer(CompressionLayer::new());
    let routes = Router::new()
        .route("/", get(|| async { "Hello, World!" }))
        .route("/html", get(|| async { Html("<p>Hello</p>") }))
        .route("/wait/{milliseconds}", get(wait))
        .route("/path/{one}/{*rest}", get(path))
        .route("/query", get(query))
        .route("/form", post(form))
        .route("/json", get(person).post(greet))
        .route("/status/{code}", any(status))
        .route("/redirect/{code}", get(redirect))
        .route("/random", get(random))
        .route("/log", get(log))
        .route("/small", post(small).layer(DefaultBodyLimit::max(1024)))
        .merge(bodies::routes())
        .merge(headers::routes())
        .merge(faults::routes())
        .merge(tasks::routes())
        .merge(impatient)
        .merge(compressed);
    match std::env::var_os("FILES") {
        Some(files) => routes.nest_service("/files", ServeDir::new(files)),
        None => routes,
    }
}

/// 64 random bits, as whoever makes a key draws them.
async fn random() -> Result<String, String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes)))
}

async fn log() -> &'static str {
    eprintln!("a request was made");
    "logged"
}

async fn wait(Path(milliseconds): Path<u64>) -> String {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    format!("waited {milliseconds} ms")
}

async fn path(Path((one, rest)): Path<(String, String)>) -> String {
    format!("{one:?} {rest:?}")
}

async fn query(Query(pairs): Query<Vec<(String, String)>>) -> String {
    format!("{pairs:?}")
}

async fn form(Form(pairs): Form<Vec<(String, String)>>) -> String {
    format!("{pairs:?}")
}

#[derive(Deserialize, Serialize)]
struct Person {
    name: String,
    age: u32,
}

async fn person() -> Json<Person> {
    Json(Person {
        name: "Ada".to_owned(),
        age: 36,
    })
}

async fn greet(Json(person): Json<Person>) -> String {
    format!("{} is {}", person.name, person.age)
}

async fn status(Path(code): Path<u16>) -> Result<(StatusCode, String), StatusCode> {
    let status = StatusCode::from_u16(code).map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok((status, format!("this is {code}")))
}

async fn redirect(Path(code): Path<u16>) -> Redirect {
    match code {
        303 => Redirect::to("/?from=303"),
        307 => Redirect::temporary("/?from=307"),
        _ => Redirect::permanent("/?from=308"),
    }
}

async fn small(body: bytes::Bytes) -> String {
    format!("{} bytes", body.len())
}

#[cfg(target_os = "wasi")]
wasi_hyper::serve!(routes);

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/", listener.local_addr()?);
    axum::serve(listener, routes()).await
}
