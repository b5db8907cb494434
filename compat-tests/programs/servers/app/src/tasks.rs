//! What lasts from one request to the next: state, and tasks that outlive
//! their response.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};

type Count = State<Arc<AtomicU64>>;

pub fn routes() -> Router {
    Router::new()
        .route("/later/{milliseconds}", post(later))
        .route("/done", get(done))
        .route("/count", post(count))
        .with_state(Arc::default())
}

/// Counts, but only when the response is long gone.
async fn later(State(count): Count, Path(milliseconds): Path<u64>) -> &'static str {
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        count.fetch_add(1, Ordering::Relaxed);
        eprintln!("a task ended after its response");
    });
    "later"
}

/// Counts at once.
async fn count(State(count): Count) -> String {
    (count.fetch_add(1, Ordering::Relaxed) + 1).to_string()
}

async fn done(State(count): Count) -> String {
    count.load(Ordering::Relaxed).to_string()
}
