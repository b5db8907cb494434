//! Waits through bindings that two versions of wit-bindgen have made, beside
//! Tokio's own timer, and prints what is over first.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

fn main() {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async {
            let mut waits = JoinSet::new();
            waits.spawn(async {
                wasip3::clocks::monotonic_clock::wait_for(300_000_000).await;
                "the newer bindings"
            });
            waits.spawn(async {
                sleep(Duration::from_millis(200)).await;
                "tokio"
            });
            waits.spawn(async {
                wasip3_older::clocks::monotonic_clock::wait_for(100_000_000).await;
                "the older bindings"
            });
            while let Some(over) = waits.join_next().await {
                println!("{}", over.unwrap());
            }
        });
}
