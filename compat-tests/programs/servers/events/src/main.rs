//! Server-sent events: GET /{number}/{milliseconds} counts to the number, an
//! event every so many milliseconds. GET /ended tells how many streams have
//! ended in this instance, whoever ended them.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use axum::routing::get;
use futures_util::{Stream, stream};

type Ended = Arc<AtomicU64>;

/// Counts when it is dropped.
struct Running(Ended);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn routes() -> Router {
    Router::new()
        .route("/{number}/{milliseconds}", get(count))
        .route(
            "/ended",
            get(async |State(ended): State<Ended>| ended.load(Ordering::Relaxed).to_string()),
        )
        .with_state(Ended::default())
}

async fn count(
    State(ended): State<Ended>,
    Path((number, milliseconds)): Path<(u64, u64)>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut ticks = tokio::time::interval(Duration::from_millis(milliseconds.max(1)));
    ticks.tick().await;
    let start = (0, ticks, Running(ended));
    let events = stream::unfold(start, move |(count, mut ticks, running)| async move {
        if count == number {
            return None;
        }
        ticks.tick().await;
        let event = Event::default().id(count.to_string()).data("tick");
        Some((Ok(event), (count + 1, ticks, running)))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
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
