//! What is at the other end of a program that serves: clients of our own, on
//! one thread, which do as little as they can beside counting.

pub mod http;
mod recorder;
pub mod tcp_echo;
pub mod udp_echo;

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::task::{JoinSet, LocalSet};

pub use recorder::{Load, Recorder};

/// What an echo is asked to send back.
const MESSAGE: [u8; 64] = [b'x'; 64];

/// What ends a server of ours.
const QUIT: &[u8] = b"q";

/// How long one operation may take: many times what the slowest variant needs.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a server may take to accept all connections.
const SET_UP: Duration = Duration::from_secs(40);

/// Runs clients on this thread.
fn run<T>(clients: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the load generator's event loop could not be made")?;
    LocalSet::new().block_on(&runtime, clients)
}

/// An operation that must not take forever.
async fn in_time<T, E>(what: &str, operation: impl Future<Output = Result<T, E>>) -> Result<T>
where
    anyhow::Error: From<E>,
{
    match tokio::time::timeout(PATIENCE, operation).await {
        Ok(result) => Ok(result?),
        Err(_) => bail!("{what} took longer than {} s", PATIENCE.as_secs()),
    }
}

/// Waits for clients that measure for `seconds`, which may not take forever.
async fn all<T: 'static>(mut clients: JoinSet<Result<T>>, seconds: f64) -> Result<Vec<T>> {
    let limit = Duration::from_secs_f64(2.0 * seconds) + PATIENCE;
    let mut results = Vec::new();
    let ended = tokio::time::timeout(limit, async {
        while let Some(client) = clients.join_next().await {
            results.push(client??);
        }
        Ok(results)
    });
    ended
        .await
        .with_context(|| format!("an operation took longer than {PATIENCE:?}"))?
}

/// The address that a server said, as it is or as a URL.
pub fn address(line: &str) -> Result<SocketAddr> {
    line.trim_start_matches("http://")
        .trim_end_matches('/')
        .parse()
        .with_context(|| format!("it said `{line}` and not its address"))
}
