//! Sends many requests, and says how many were answered.
//!
//! Usage: load default|sockets|http2 one-by-one|at-once|cancel|options|options-at-once NUMBER URL
//!
//! The first word is what sends the requests. `cancel` drops each request, or
//! its response, after a random number of polls; both bodies stream. `options`
//! sets every time limit.

use std::convert::Infallible;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use reqwest::{Body, Client, ClientBuilder};

/// How many requests are under way at once.
const AT_ONCE: usize = 32;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [engine, way, number, url] = words.as_slice() else {
        return Err("usage: load ENGINE WAY NUMBER URL".into());
    };
    let number: usize = number.parse()?;
    let builder = match engine.as_str() {
        "default" => ClientBuilder::new(),
        #[cfg(target_os = "wasi")]
        "sockets" => ClientBuilder::with_sockets(),
        #[cfg(target_os = "wasi")]
        "http2" => ClientBuilder::with_sockets().http2_prior_knowledge(),
        other => return Err(format!("there is no engine `{other}`").into()),
    };
    let client = match way.as_str() {
        "options" | "options-at-once" => builder
            .connect_timeout(Duration::from_secs(3600))
            .read_timeout(Duration::from_secs(3600))
            .timeout(Duration::from_secs(3600))
            .build()?,
        "impatient" => builder
            .connect_timeout(Duration::from_millis(300))
            .build()?,
        _ => builder.build()?,
    };
    match way.as_str() {
        "one-by-one" | "options" => {
            for request in 0..number {
                get(&client, url, request).await?;
            }
            println!("{number} answered");
        }
        "impatient" => {
            let failed = get(&client, url, 0).await.unwrap_err();
            let failed = failed.downcast::<reqwest::Error>()?;
            println!("a timeout: {}", failed.is_timeout());
        }
        "at-once" | "options-at-once" => {
            let mut requests = stream::iter(0..number)
                .map(|request| get(&client, url, request))
                .buffer_unordered(AT_ONCE);
            while let Some(answered) = requests.next().await {
                answered?;
            }
            println!("{number} answered");
        }
        "cancel" => {
            let mut random = Random(0x9e37_79b9_7f4a_7c15);
            let (mut cancelled, mut warm) = (0, 0);
            for request in 0..number {
                let polls = random.below(24);
                let exchange = exchange(&client, url, random.below(6), random.below(3));
                if !polled_at_most(polls, exchange).await {
                    cancelled += 1;
                }
                if request == number / 4 {
                    warm = memory();
                }
            }
            // What was cancelled has been told so, and has to see it.
            tokio::time::sleep(Duration::from_millis(100)).await;
            println!("some cancelled: {}", cancelled > 0);
            println!("some not: {}", cancelled < number);
            println!("memory grew by {} pages", memory() - warm);
        }
        other => return Err(format!("there is no way `{other}`").into()),
    }
    Ok(())
}

async fn get(client: &Client, url: &str, request: usize) -> Result<(), Box<dyn Error>> {
    let response = client.get(format!("{url}/uri?n={request}")).send().await?;
    let text = response.text().await?;
    // HTTP/2 has the whole URL there.
    if !text.ends_with(&format!("/uri?n={request}")) {
        return Err(format!("request {request} got {text}").into());
    }
    Ok(())
}

/// Sends some pieces, with pauses between, and reads what comes back; stops
/// after some of it where `stop` is not 0.
async fn exchange(client: &Client, url: &str, pieces: usize, stop: usize) {
    let body = stream::iter(0..pieces).then(|piece| async move {
        if piece % 2 == 1 {
            tokio::time::sleep(Duration::from_micros(300)).await;
        }
        Ok::<_, Infallible>(Bytes::from(vec![b'x'; 20_000]))
    });
    let request = client
        .post(format!("{url}/echo"))
        .body(Body::wrap_stream(body));
    let Ok(mut response) = request.send().await else {
        return;
    };
    let mut read = 0;
    while let Ok(Some(_)) = response.chunk().await {
        read += 1;
        if read == stop {
            return;
        }
    }
}

/// Polls `future` so many times at most; whether it was done by then.
async fn polled_at_most(polls: usize, future: impl Future<Output = ()>) -> bool {
    let mut future = pin!(future);
    let mut polled = 0;
    poll_fn(|cx| {
        if polled == polls {
            return Poll::Ready(false);
        }
        polled += 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending => {
                if polled == polls {
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            }
        }
    })
    .await
}

/// The same numbers in each run (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % limit) as usize
    }
}

/// The size of the memory, in pages of 64 KiB.
fn memory() -> usize {
    #[cfg(target_arch = "wasm32")]
    return core::arch::wasm32::memory_size(0);
    #[cfg(not(target_arch = "wasm32"))]
    0
}
