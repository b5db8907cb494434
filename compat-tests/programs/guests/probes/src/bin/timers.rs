//! Has as many timers pending as the argument says, and prints how many were
//! over too early, and whether the last came when the last was due.

use std::error::Error;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// When the last one is due.
const LAST: Duration = Duration::from_millis(2_000);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let count: u32 = std::env::args()
        .nth(1)
        .ok_or("usage: timers COUNT")?
        .parse()?;
    // Time to make them all.
    let start = Instant::now() + Duration::from_secs(3);
    let mut timers = JoinSet::new();
    for number in 0..count {
        // Not in the order in which they are due.
        let due = start + LAST * (number.wrapping_mul(7919) % count) / count;
        timers.spawn(async move {
            sleep_until(due).await;
            Instant::now() < due
        });
    }
    let made = Instant::now();
    if made > start {
        return Err(format!("it took {:?} to make them", made - start).into());
    }
    println!("pending {}", timers.len());
    let (mut over, mut early) = (0, 0);
    while let Some(was_early) = timers.join_next().await {
        over += 1;
        early += u32::from(was_early?);
    }
    println!("over {over} early {early}");
    println!("late {}", (start + LAST).elapsed().as_millis());
    Ok(())
}
