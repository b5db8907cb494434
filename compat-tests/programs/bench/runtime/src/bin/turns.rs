//! What the runtime itself costs, without anybody at the other end.
//!
//! Usage: turns timers|sockets|spawn|channel|compute NUMBER SECONDS
//!
//! - `timers`: one `yield_now`, while NUMBER timers are pending
//! - `sockets`: one `yield_now`, while NUMBER sockets wait to be ready
//! - `spawn`: one task spawned and joined, NUMBER at a time
//! - `channel`: one message there and back, between each of NUMBER pairs
//! - `compute`: a loop that only computes, NUMBER times

use std::time::{Duration, Instant};

use measure::{Measure, number};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, yield_now};

/// How many operations are timed together: reading the clock costs as much as
/// some of them.
const BATCH: u64 = 32;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let what = std::env::args().nth(1).unwrap_or_default();
    let count = number(2, "how many") as usize;
    let seconds = number(3, "how many seconds");
    match what.as_str() {
        "timers" => {
            for number in 0..count {
                // Far away, and no two at once.
                let deadline = Duration::from_millis(3_600_000 + number as u64);
                tokio::spawn(tokio::time::sleep(deadline));
            }
            turns(seconds).await;
        }
        "sockets" => {
            for _ in 0..count {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                tokio::spawn(async move { listener.accept().await.map(drop) });
            }
            turns(seconds).await;
        }
        "spawn" => spawn(count, seconds).await,
        "channel" => channel(count, seconds).await,
        "compute" => compute(count, seconds),
        other => panic!("there is no `{other}`"),
    }
    Ok(())
}

async fn turns(seconds: f64) {
    // Lets the tasks begin to wait.
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

async fn spawn(count: usize, seconds: f64) {
    let mut measure = Measure::new(seconds);
    while measure.goes_on() {
        let begun = Instant::now();
        let mut tasks = JoinSet::new();
        for number in 0..count {
            tasks.spawn(async move { number });
        }
        while tasks.join_next().await.is_some() {}
        measure.record(begun, count as u64);
    }
    measure.finish();
}

fn compute(count: usize, seconds: f64) {
    let mut measure = Measure::new(seconds);
    let mut mixed = 1u64;
    while measure.goes_on() {
        let begun = Instant::now();
        for _ in 0..count {
            // No turn of it can be left out, or done together with another.
            for _ in 0..10_000 {
                mixed ^= mixed << 13;
                mixed ^= mixed >> 7;
                mixed ^= mixed << 17;
            }
        }
        measure.record(begun, count as u64);
    }
    std::hint::black_box(mixed);
    measure.finish();
}

async fn channel(count: usize, seconds: f64) {
    let mut pairs = Vec::new();
    for _ in 0..count {
        let (there, mut arriving) = mpsc::channel::<u64>(1);
        let (back, returning) = mpsc::channel::<u64>(1);
        tokio::spawn(async move {
            while let Some(message) = arriving.recv().await {
                if back.send(message).await.is_err() {
                    return;
                }
            }
        });
        pairs.push((there, returning));
    }
    let mut measure = Measure::new(seconds);
    while measure.goes_on() {
        let begun = Instant::now();
        for _ in 0..BATCH {
            for (there, _) in &pairs {
                there.send(7).await.expect("the other task is there");
            }
            for (_, returning) in &mut pairs {
                assert_eq!(returning.recv().await, Some(7));
            }
        }
        measure.record(begun, BATCH * count as u64);
    }
    measure.finish();
}
