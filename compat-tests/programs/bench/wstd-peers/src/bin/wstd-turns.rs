//! `turns` on wstd, which has timers, sockets and tasks, and no channels.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Instant;

use measure::{Measure, number};
use wstd::iter::AsyncIterator;
use wstd::net::TcpListener;
use wstd::runtime::spawn;
use wstd::time::Duration;

const BATCH: u64 = 32;

#[wstd::main]
async fn main() -> wstd::io::Result<()> {
    let what = std::env::args().nth(1).unwrap_or_default();
    let count = number(2, "how many") as usize;
    let seconds = number(3, "how many seconds");
    match what.as_str() {
        "timers" => {
            for number in 0..count {
                let deadline = Duration::from_millis(3_600_000 + number as u64);
                spawn(wstd::task::sleep(deadline)).detach();
            }
            turns(seconds).await;
        }
        "sockets" => {
            for _ in 0..count {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                spawn(async move { listener.incoming().next().await.map(drop) }).detach();
            }
            turns(seconds).await;
        }
        "spawn" => {
            let mut measure = Measure::new(seconds);
            while measure.goes_on() {
                let begun = Instant::now();
                let tasks: Vec<_> = (0..count)
                    .map(|number| spawn(async move { number }))
                    .collect();
                for task in tasks {
                    task.await;
                }
                measure.record(begun, count as u64);
            }
            measure.finish();
        }
        other => panic!("there is no `{other}`"),
    }
    // Tasks that still wait would keep the program up.
    std::process::exit(0);
}

async fn turns(seconds: f64) {
    yield_now().await;
    let mut measure = Measure::new(seconds);
    while measure.goes_on() {
        let begun = Instant::now();
        for _ in 0..BATCH {
            yield_now().await;
        }
        measure.record(begun, BATCH);
    }
    measure.finish();
}

/// wstd has none: a future that wakes itself once.
async fn yield_now() {
    let mut yielded = false;
    poll_fn(|context| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
