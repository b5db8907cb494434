//! What all clients have in common: their thread, their patience, and what they
//! say.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::task::{JoinSet, LocalSet};

/// What an echo is asked to send back.
pub const MESSAGE: [u8; 64] = [b'x'; 64];

/// What ends a server of ours.
pub const QUIT: &[u8] = b"q";

/// How long one operation may take: many times what the slowest variant needs.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How long a server may take to accept all connections.
pub const SET_UP: Duration = Duration::from_secs(40);

/// Runs clients on this thread.
pub fn run<T>(clients: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the load generator's event loop could not be made")?;
    LocalSet::new().block_on(&runtime, clients)
}

/// An operation that must not take forever.
pub async fn in_time<T, E>(what: &str, operation: impl Future<Output = Result<T, E>>) -> Result<T>
where
    anyhow::Error: From<E>,
{
    match tokio::time::timeout(PATIENCE, operation).await {
        Ok(result) => Ok(result?),
        Err(_) => bail!("{what} took longer than {} s", PATIENCE.as_secs()),
    }
}

/// Waits for clients that measure for `seconds`, which may not take forever.
pub async fn all<T: 'static>(mut clients: JoinSet<Result<T>>, seconds: f64) -> Result<Vec<T>> {
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
