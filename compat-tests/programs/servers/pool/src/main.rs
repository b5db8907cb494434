//! Has all requests of an instance share a pool of at most four connections to
//! the database in the variable DATABASE, a URL of PostgreSQL's or Redis's:
//!
//! ```text
//! cargo wasip2 serve --wasi 0.3 --example pool --network \
//!     --env DATABASE=redis://127.0.0.1:6379
//! ```

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use bb8_postgres::PostgresConnectionManager;
use bb8_postgres::bb8::Pool;
use bb8_postgres::tokio_postgres::NoTls;
use bb8_redis::RedisConnectionManager;
use bb8_redis::redis::cmd;

/// How many connections there may be.
const MOST: u32 = 4;

/// What an instance keeps.
struct Kept {
    database: Database,
    /// How many requests there are, and how many there ever were at once.
    now: AtomicUsize,
    most: AtomicUsize,
    /// How many connections the database ever said it had.
    connections: AtomicUsize,
}

enum Database {
    Postgres(Pool<PostgresConnectionManager<NoTls>>),
    Redis(Pool<RedisConnectionManager>),
}

type Failure = (StatusCode, String);

fn routes() -> Router {
    let url = std::env::var("DATABASE").expect("DATABASE is the URL of the database");
    let kept = Arc::new(Kept {
        database: Database::at(&url),
        now: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
        connections: AtomicUsize::new(0),
    });
    Router::new()
        .route("/work", get(work))
        .route("/seen", get(seen))
        .with_state(kept)
}

impl Database {
    /// A pool, without a connection so far.
    fn at(url: &str) -> Database {
        match url.split_once("://") {
            Some(("redis", _)) => {
                let manager = RedisConnectionManager::new(url).expect("the URL is right");
                Database::Redis(Pool::builder().max_size(MOST).build_unchecked(manager))
            }
            _ => {
                let manager = PostgresConnectionManager::new_from_stringlike(url, NoTls);
                let manager = manager.expect("the URL is right");
                Database::Postgres(Pool::builder().max_size(MOST).build_unchecked(manager))
            }
        }
    }

    /// Keeps a connection for 50 ms; says how many the database has then.
    async fn work(&self) -> Result<usize, Failure> {
        match self {
            Database::Postgres(pool) => {
                let client = pool.get().await.map_err(failed)?;
                let query = "select pg_sleep(0.05)";
                client.query(query, &[]).await.map_err(failed)?;
                let query = "select count(*) from pg_stat_activity where usename = current_user";
                let counted = client.query_one(query, &[]).await.map_err(failed)?;
                Ok(counted.get::<_, i64>(0) as usize)
            }
            Database::Redis(pool) => {
                let mut client = pool.get().await.map_err(failed)?;
                let mut wait = cmd("BLPOP");
                wait.arg("nothing").arg(0.05);
                let none: Option<(String, String)> =
                    wait.query_async(&mut *client).await.map_err(failed)?;
                assert_eq!(none, None, "nobody gives it anything");
                let mut list = cmd("CLIENT");
                list.arg("LIST").arg("TYPE").arg("normal");
                let list: String = list.query_async(&mut *client).await.map_err(failed)?;
                Ok(list.lines().count())
            }
        }
    }
}

async fn work(State(kept): State<Arc<Kept>>) -> Result<&'static str, Failure> {
    let now = kept.now.fetch_add(1, SeqCst) + 1;
    kept.most.fetch_max(now, SeqCst);
    let connections = kept.database.work().await;
    kept.now.fetch_sub(1, SeqCst);
    kept.connections.fetch_max(connections?, SeqCst);
    Ok("done")
}

async fn seen(State(kept): State<Arc<Kept>>) -> String {
    format!(
        "{} requests at once, {} connections",
        kept.most.load(SeqCst),
        kept.connections.load(SeqCst)
    )
}

fn failed(error: impl Display) -> Failure {
    (StatusCode::BAD_GATEWAY, format!("{error}\n"))
}

#[cfg(target_os = "wasi")]
wasi_hyper::serve!(routes);

fn main() {
    let _ = routes();
    eprintln!("this program answers requests as a component: `cargo wasip2 serve`");
    std::process::exit(2);
}
