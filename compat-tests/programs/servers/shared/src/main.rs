//! What requests of one instance share, and how they get in each other's way.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::get;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// What an instance keeps.
struct Kept {
    /// How many requests there are, and how many there ever were at once.
    now: AtomicUsize,
    most: AtomicUsize,
    /// A pool of connections, as far as it limits them.
    pool: Semaphore,
    in_use: AtomicUsize,
    /// What one request waits for and another one gives.
    given: Notify,
    /// How many bodies and futures were dropped before their end.
    dropped: AtomicUsize,
}

/// The size of the pool.
const POOL: usize = 4;

fn routes() -> Router {
    let kept = Arc::new(Kept {
        now: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
        pool: Semaphore::new(POOL),
        in_use: AtomicUsize::new(0),
        given: Notify::new(),
        dropped: AtomicUsize::new(0),
    });
    Router::new()
        .route("/", get(|| async { "Hello, World!" }))
        .route("/sleep/{ms}", get(sleeps))
        .route("/pooled/{ms}", get(pooled))
        .route("/wait", get(waits))
        .route("/give", get(gives))
        .route("/block/{ms}", get(blocks))
        .route("/deadlock", get(deadlocks))
        .route("/never", get(pending::<()>))
        .route("/panic", get(panics))
        .route("/silent", get(silent))
        .route("/stuck", get(stuck))
        .route("/dropped", get(dropped))
        .with_state(kept)
}

fn ms(number: u64) -> Duration {
    Duration::from_millis(number)
}

async fn sleeps(State(kept): State<Arc<Kept>>, Path(time): Path<u64>) -> String {
    let now = kept.now.fetch_add(1, SeqCst) + 1;
    kept.most.fetch_max(now, SeqCst);
    sleep(ms(time)).await;
    kept.now.fetch_sub(1, SeqCst);
    format!("at most {} at once", kept.most.load(SeqCst))
}

/// Uses one of the pool's connections for a while; says how many were in use.
async fn pooled(State(kept): State<Arc<Kept>>, Path(time): Path<u64>) -> String {
    let _permit = kept.pool.acquire().await.unwrap();
    let in_use = kept.in_use.fetch_add(1, SeqCst) + 1;
    sleep(ms(time)).await;
    kept.in_use.fetch_sub(1, SeqCst);
    in_use.to_string()
}

async fn waits(State(kept): State<Arc<Kept>>) -> &'static str {
    kept.given.notified().await;
    "it was given"
}

async fn gives(State(kept): State<Arc<Kept>>) -> &'static str {
    kept.given.notify_waiters();
    "given"
}

async fn blocks(Path(time): Path<u64>) -> &'static str {
    let runtime = Handle::current();
    let blocked = spawn_blocking(move || runtime.block_on(sleep(ms(time))));
    blocked.await.unwrap();
    "blocked"
}

async fn deadlocks() {
    let runtime = Handle::current();
    spawn_blocking(move || runtime.block_on(pending::<()>()))
        .await
        .unwrap();
}

async fn panics() {
    panic!("as it was told");
}

/// Counts when it is dropped.
struct Dropped(Arc<Kept>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, SeqCst);
    }
}

/// A future that never ends.
async fn stuck(State(kept): State<Arc<Kept>>) {
    let _dropped = Dropped(kept);
    pending().await
}

/// A body that gives a piece, and then nothing for ever.
async fn silent(State(kept): State<Arc<Kept>>) -> Body {
    let dropped = Dropped(kept);
    let first = stream::iter([Ok::<_, Infallible>(Bytes::from("first"))]);
    Body::from_stream(first.chain(stream::pending().map(move |piece| {
        let _kept = &dropped;
        piece
    })))
}

async fn dropped(State(kept): State<Arc<Kept>>) -> String {
    kept.dropped.load(SeqCst).to_string()
}

#[cfg(target_os = "wasi")]
wasi_hyper::serve!(routes);

fn main() {
    let _ = routes();
    eprintln!("this program answers requests as a component: `cargo wasip2 serve`");
    std::process::exit(2);
}
