//! Tokio's timers do what timers do.

use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc;
use tokio::time::{self, MissedTickBehavior};

const MOMENT: Duration = Duration::from_millis(50);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let started = Instant::now();
    time::sleep(MOMENT).await;
    checks::that("it slept for long enough", started.elapsed() >= MOMENT);

    // A thousand at once, begun in no order; each says when it ends.
    let (sender, mut ended) = mpsc::unbounded_channel();
    let first = time::Instant::now() + MOMENT;
    for number in (0..1000_u64).map(|number| number * 7 % 1000) {
        let sender = sender.clone();
        tokio::spawn(async move {
            time::sleep_until(first + Duration::from_millis(number / 10 * 5)).await;
            sender.send(number / 10).unwrap();
        });
    }
    drop(sender);
    let mut order = Vec::new();
    while let Some(number) = ended.recv().await {
        order.push(number);
    }
    checks::equal("all of them ended", order.len(), 1000);
    checks::that("in their order", order.is_sorted());

    let started = Instant::now();
    let mut ticks = time::interval(MOMENT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for _ in 0..5 {
        ticks.tick().await;
    }
    checks::that("four pauses", started.elapsed() >= 4 * MOMENT);

    let never = time::timeout(MOMENT, std::future::pending::<()>()).await;
    checks::that("a time limit that is over", never.is_err());
    let kept = time::timeout(600 * MOMENT, time::sleep(MOMENT)).await;
    checks::that("one that is kept", kept.is_ok());

    let started = time::Instant::now();
    let sleep = time::sleep(1200 * MOMENT);
    tokio::pin!(sleep);
    sleep.as_mut().reset(started + MOMENT);
    sleep.await;
    let slept = started.elapsed();
    checks::that(
        "one that was moved",
        slept >= MOMENT && slept < 1000 * MOMENT,
    );

    let first = tokio::select! {
        () = time::sleep(2400 * MOMENT) => "the long one",
        () = time::sleep(MOMENT) => "the short one",
    };
    checks::equal("the first of two", first, "the short one");

    // A task that computes lets the timer have its turn.
    let busy = tokio::spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
    let started = Instant::now();
    time::sleep(MOMENT).await;
    busy.abort();
    checks::that("beside a busy task", started.elapsed() < 1000 * MOMENT);

    let wall = SystemTime::now();
    std::thread::sleep(MOMENT);
    checks::that(
        "std's own",
        wall.elapsed().is_ok_and(|slept| slept >= MOMENT / 2),
    );
    checks::finish();
}
