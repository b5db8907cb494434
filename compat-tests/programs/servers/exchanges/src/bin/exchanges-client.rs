//! The client's end of exchanges.
//!
//! Usage: exchanges-client default|sockets SEED AT_ONCE URL
//!
//! Each line of standard input, `FIRST COUNT STEP`, is so many exchanges, whose
//! numbers begin there and have that distance; a line of JSON says how they
//! went. Those whose number is a multiple of eight have to succeed; any other
//! may fail, but not otherwise than by an error in time.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::{Duration, Instant};

use bytes::Bytes;
use exchanges::{Exchange, Judge, Verdict, pages};
use futures_util::{StreamExt, stream};
use reqwest::{Client, ClientBuilder};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio::time::{sleep, timeout};

/// How long an exchange may take where something goes wrong with it.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long where nothing does: the machine may have other things to do.
const MUCH_PATIENCE: Duration = Duration::from_secs(60);

/// How much longer than that is a hang.
const HANG: Duration = Duration::from_secs(20);

/// How an exchange ended.
enum End {
    Right,
    /// A response that says that the server did not take the request.
    Refused,
    Failed(String),
    Wrong(String),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [engine, seed, at_once, url] = words.as_slice() else {
        return Err("usage: exchanges-client ENGINE SEED AT_ONCE URL".into());
    };
    let (seed, at_once): (u64, usize) = (seed.parse()?, at_once.parse()?);
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let numbers: Vec<u64> = line
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        let &[first, count, step] = numbers.as_slice() else {
            return Err("a line is FIRST COUNT STEP".into());
        };
        let numbers = (0..count).map(|at| first + at * step);
        println!("{}", run(engine, seed, at_once, url, numbers).await?);
    }
    Ok(())
}

async fn run(
    engine: &str,
    seed: u64,
    at_once: usize,
    url: &str,
    numbers: impl Iterator<Item = u64>,
) -> Result<serde_json::Value, Box<dyn Error>> {
    let pooled = builder(engine)?.timeout(PATIENCE).build()?;
    // What goes wrong with one connection must not be another exchange's fault.
    let fresh = builder(engine)?
        .timeout(MUCH_PATIENCE)
        .pool_max_idle_per_host(0)
        .build()?;
    let (mut right, mut refused, mut longest) = (0, 0, Duration::ZERO);
    let mut failed = BTreeMap::<String, u64>::new();
    let mut wrong = Vec::new();
    let mut exchanges = stream::iter(numbers)
        .map(|number| {
            let exchange = Exchange::draw(seed, number);
            let clean = number % 8 == 0;
            let (client, limit) = match clean {
                true => (&fresh, MUCH_PATIENCE + HANG),
                false => (&pooled, PATIENCE + HANG),
            };
            async move {
                let started = Instant::now();
                let end = match timeout(limit, one(client, url, exchange)).await {
                    Ok(End::Refused) if clean => End::Wrong("it was refused".to_owned()),
                    Ok(End::Failed(error)) if clean => End::Wrong(format!("it failed: {error}")),
                    Ok(end) => end,
                    Err(_) => End::Wrong(format!("it has no end after {limit:?}")),
                };
                (exchange, clean, end, started.elapsed())
            }
        })
        .buffer_unordered(at_once);
    while let Some((exchange, clean, end, took)) = exchanges.next().await {
        match end {
            End::Right => right += 1,
            End::Refused => refused += 1,
            End::Failed(kind) => *failed.entry(kind).or_default() += 1,
            End::Wrong(what) => wrong.push(format!("{}: {what}: {exchange:?}", exchange.number)),
        }
        if clean {
            longest = longest.max(took);
        }
    }
    drop(exchanges);
    drop((pooled, fresh));
    // What was given up is told so, and what was kept is closed.
    sleep(Duration::from_millis(100)).await;
    Ok(json!({
        "right": right,
        "refused": refused,
        "failed": failed,
        "wrong": wrong,
        "longest_ms": longest.as_millis() as u64,
        "pages": pages(),
    }))
}

fn builder(engine: &str) -> Result<ClientBuilder, String> {
    match engine {
        "default" => Ok(ClientBuilder::new()),
        #[cfg(target_os = "wasi")]
        "sockets" => Ok(ClientBuilder::with_sockets()),
        other => Err(format!("there is no engine `{other}`")),
    }
}

async fn one(client: &Client, url: &str, exchange: Exchange) -> End {
    let request = client.post(format!("{url}{}", exchange.path()));
    let up = exchange.up;
    let request = match up.chunked {
        true => request.body(reqwest::Body::wrap_stream(up.pieces())),
        false => request.body(up.bytes(0, up.length)),
    };
    let mut response = match request.send().await {
        Ok(response) => response,
        Err(error) => return End::Failed(kind(&error)),
    };
    if !response.status().is_success() {
        return End::Refused;
    }
    let number = response.headers().get("x-exchange").cloned();
    if number.as_ref().map(|number| number.as_bytes())
        != Some(exchange.number.to_string().as_bytes())
    {
        return End::Wrong(format!("it got the response of {number:?}"));
    }
    let said = response
        .headers()
        .get("content-length")
        .and_then(|length| length.to_str().ok()?.parse().ok());
    let mut judge = Judge::new(exchange.down, said);
    let ended: Result<Option<Bytes>, _> = loop {
        match response.chunk().await {
            Ok(Some(piece)) => judge.piece(&piece),
            ended => break ended,
        }
    };
    match (ended, judge.end(), judge.broken()) {
        (Ok(_), Verdict::Right, _) => End::Right,
        (Ok(_), Verdict::Wrong(wrong), _) => End::Wrong(format!("its response: {wrong}")),
        (Err(_), _, Some(wrong)) => End::Wrong(format!("its response: {wrong}")),
        (Err(error), _, None) => End::Failed(kind(&error)),
    }
}

/// What kind of an error it is, in a word.
fn kind(error: &reqwest::Error) -> String {
    let kind = match () {
        () if error.is_timeout() => "timeout",
        () if error.is_connect() => "connect",
        () if error.is_body() => "body",
        () if error.is_decode() => "decode",
        () if error.is_request() => "request",
        () => "other",
    };
    kind.to_owned()
}
