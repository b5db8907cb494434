//! An axum application on a socket, and a client that uses it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::{Multipart, Path, Query, State};
use axum::http::{Method, Request, StatusCode};
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Note {
    text: String,
}

type Notes = Arc<Mutex<HashMap<u32, Note>>>;

fn routes() -> Router {
    Router::new()
        .route("/notes/{id}", get(note).put(put))
        .route("/upload", post(upload))
        .route("/events", get(events))
        .route("/echo", post(|body: Bytes| async { body }))
        .layer(middleware::map_response(
            |mut response: axum::response::Response| async {
                response
                    .headers_mut()
                    .insert("served-by", "axum".parse().unwrap());
                response
            },
        ))
        .with_state(Notes::default())
}

async fn note(State(notes): State<Notes>, Path(id): Path<u32>) -> Result<Json<Note>, StatusCode> {
    let note = notes.lock().unwrap().get(&id).cloned();
    note.map(Json).ok_or(StatusCode::NOT_FOUND)
}

async fn put(
    State(notes): State<Notes>,
    Path(id): Path<u32>,
    Query(flags): Query<HashMap<String, String>>,
    Json(mut note): Json<Note>,
) -> StatusCode {
    if flags.contains_key("loud") {
        note.text = note.text.to_uppercase();
    }
    notes.lock().unwrap().insert(id, note);
    StatusCode::CREATED
}

async fn upload(mut form: Multipart) -> Result<String, axum::extract::multipart::MultipartError> {
    let mut said = String::new();
    while let Some(field) = form.next_field().await? {
        let name = field.name().unwrap_or_default().to_owned();
        said += &format!("{name}:{} ", field.bytes().await?.len());
    }
    Ok(said)
}

async fn events() -> Sse<impl tokio_stream::Stream<Item = Result<Event, Infallible>>> {
    Sse::new(tokio_stream::iter(
        (0..3).map(|n| Ok(Event::default().data(n.to_string()))),
    ))
}

struct Answers {
    client: Client<HttpConnector, Body>,
    base: String,
}

impl Answers {
    async fn of(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        body: impl Into<Body>,
    ) -> (StatusCode, Bytes) {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("content-type", kind)
            .body(body.into())
            .unwrap();
        let response = self.client.request(request).await.expect("a response");
        checks::equal("the layer", &response.headers()["served-by"], "axum");
        let status = response.status();
        (
            status,
            response
                .into_body()
                .collect()
                .await
                .expect("a body")
                .to_bytes(),
        )
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = axum::serve(listener, routes()).with_graceful_shutdown(async {
        stopped.await.ok();
    });
    let server = tokio::spawn(server.into_future());
    let answers = Answers {
        client: Client::builder(TokioExecutor::new()).build_http(),
        base,
    };

    let json = r#"{"text":"hello"}"#;
    let (status, _) = answers
        .of(Method::PUT, "/notes/7?loud=yes", "application/json", json)
        .await;
    checks::equal("a note made", status, StatusCode::CREATED);
    let (_, body) = answers.of(Method::GET, "/notes/7", "", "").await;
    checks::equal(
        "the note",
        serde_json::from_slice(&body).ok(),
        Some(Note {
            text: "HELLO".into(),
        }),
    );
    for (path, kind, expected) in [
        ("/notes/8", "application/json", StatusCode::NOT_FOUND),
        ("/notes/x", "application/json", StatusCode::BAD_REQUEST),
    ] {
        let (status, _) = answers.of(Method::GET, path, kind, "").await;
        checks::equal("a status", status, expected);
    }
    let (status, _) = answers
        .of(Method::PUT, "/notes/7", "application/json", "{}")
        .await;
    checks::equal(
        "a note without a text",
        status,
        StatusCode::UNPROCESSABLE_ENTITY,
    );

    let form = "--b\r\ncontent-disposition: form-data; name=\"one\"\r\n\r\n123\r\n--b--\r\n";
    let (_, body) = answers
        .of(
            Method::POST,
            "/upload",
            "multipart/form-data; boundary=b",
            form,
        )
        .await;
    checks::equal("a form", body, "one:3 ");
    let (_, body) = answers.of(Method::GET, "/events", "", "").await;
    checks::equal("events", body, "data: 0\n\ndata: 1\n\ndata: 2\n\n");
    let large = vec![7u8; 1 << 20];
    let (_, body) = answers.of(Method::POST, "/echo", "", large.clone()).await;
    checks::that("a megabyte comes back", body == large);

    let answers = Arc::new(answers);
    let requests = (0..50).map(|number: u32| {
        let answers = answers.clone();
        tokio::spawn(async move {
            answers
                .of(Method::POST, "/echo", "", number.to_string())
                .await
                .1
        })
    });
    for (number, request) in requests.collect::<Vec<_>>().into_iter().enumerate() {
        checks::equal("requests at once", request.await?, number.to_string());
    }
    drop(answers);
    stop.send(()).ok();
    server.await??;
    checks::finish();
    Ok(())
}
