//! Has a component's time pass so many times as fast as the variable SPEED says
//! (`60`), for what it measures and for what it waits for.

use std::sync::LazyLock;

wit_bindgen::generate!({ world: "scaled-clock", path: "wit", generate_all });

use exports::wasi::clocks::monotonic_clock::{Duration, Guest, Instant, Pollable};
use wasi::clocks::monotonic_clock as host;

struct Scaled;

/// How many times as fast.
static SPEED: LazyLock<u64> = LazyLock::new(|| {
    let speed = std::env::var("SPEED").ok();
    speed
        .and_then(|speed| speed.parse().ok())
        .unwrap_or(1)
        .max(1)
});

impl Guest for Scaled {
    fn now() -> Instant {
        host::now().saturating_mul(*SPEED)
    }

    fn resolution() -> Duration {
        host::resolution().saturating_mul(*SPEED)
    }

    fn subscribe_instant(when: Instant) -> Pollable {
        host::subscribe_instant(when.div_ceil(*SPEED))
    }

    fn subscribe_duration(when: Duration) -> Pollable {
        host::subscribe_duration(when.div_ceil(*SPEED))
    }
}

export!(Scaled);

fn main() {
    eprintln!("this component stands before another one: `cargo wasip2 compose`");
    std::process::exit(2);
}
