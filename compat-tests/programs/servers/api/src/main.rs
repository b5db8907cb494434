//! Notes, as JSON: POST /notes, GET /notes, GET and DELETE /notes/{number}.
//!
//! They last as long as the instance: `cargo wasip2 serve --example api
//! --max-instance-reuse-count 1000000 --idle-instance-timeout 1h`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

#[derive(Clone, Deserialize, Serialize)]
struct Note {
    text: String,
}

#[derive(Default)]
struct Notes {
    last: u64,
    notes: BTreeMap<u64, Note>,
}

type Shared = State<Arc<Mutex<Notes>>>;

fn routes() -> Router {
    Router::new()
        .route("/notes", get(list).post(add))
        .route("/notes/{number}", get(one).delete(remove))
        .with_state(Arc::default())
}

async fn list(State(notes): Shared) -> Json<BTreeMap<u64, Note>> {
    Json(notes.lock().await.notes.clone())
}

async fn add(State(notes): Shared, Json(note): Json<Note>) -> (StatusCode, Json<u64>) {
    let mut notes = notes.lock().await;
    notes.last += 1;
    let number = notes.last;
    notes.notes.insert(number, note);
    (StatusCode::CREATED, Json(number))
}

async fn one(State(notes): Shared, Path(number): Path<u64>) -> Result<Json<Note>, StatusCode> {
    let notes = notes.lock().await;
    let note = notes.notes.get(&number).ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(note.clone()))
}

async fn remove(State(notes): Shared, Path(number): Path<u64>) -> StatusCode {
    match notes.lock().await.notes.remove(&number) {
        Some(_) => StatusCode::NO_CONTENT,
        None => StatusCode::NOT_FOUND,
    }
}

#[cfg(target_os = "wasi")]
wasi_hyper::serve!(routes);

/// The same over sockets.
#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/", listener.local_addr()?);
    axum::serve(listener, routes()).await
}
