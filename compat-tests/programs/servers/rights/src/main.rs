//! Uses the right that a request names, and answers with what came of it:
//! `GET /RIGHT?of=OPERAND`. As the guest `rights` does, for a server.

use std::collections::HashMap;
use std::error::Error;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::routing::get;
use tokio::io::AsyncReadExt;

fn routes() -> Router {
    Router::new().route("/{right}", get(answer))
}

async fn answer(
    Path(right): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<String, (StatusCode, String)> {
    let operand = query.get("of").map_or("", String::as_str);
    use_right(&right, operand)
        .await
        .map_err(|error| (StatusCode::FORBIDDEN, error.to_string()))
}

async fn use_right(right: &str, operand: &str) -> Result<String, Box<dyn Error + Send + Sync>> {
    Ok(match right {
        "network" => {
            tokio::net::TcpStream::connect(operand.parse::<SocketAddr>()?).await?;
            "connected".to_owned()
        }
        "names" => {
            let count = tokio::net::lookup_host(operand).await?.count();
            format!("addresses: {}", count > 0)
        }
        "file" => tokio::fs::read_to_string(operand).await?,
        "env" => std::env::var(operand)?,
        "get" => reqwest::get(operand).await?.text().await?,
        "stdin" => {
            let mut text = String::new();
            let read = tokio::io::stdin().read_to_string(&mut text).await;
            match read {
                Ok(_) => format!("read {text:?}"),
                Err(_) => "closed".to_owned(),
            }
        }
        other => return Err(format!("there is no right `{other}`").into()),
    })
}

#[cfg(target_os = "wasi")]
wasi_hyper::serve!(routes);

fn main() {
    let _ = routes();
    eprintln!("this program answers requests as a component: `cargo wasip2 serve`");
    std::process::exit(2);
}
