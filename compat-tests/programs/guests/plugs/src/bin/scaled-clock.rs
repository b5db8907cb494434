//! Has a component's time pass so many times as fast as the variable SPEED says
//! (`60`), for what it measures and for what it waits for.

wit_bindgen::generate!({ world: "scaled-clock", path: "wit", generate_all });

use exports::wasi::clocks::monotonic_clock::{Duration, Guest, Instant, Pollable};
use wasi::clocks::monotonic_clock as host;

struct Scaled;

/// How many times as fast.
fn speed() -> u64 {
    let speed = std::env::var("SPEED").ok();
    speed
        .and_then(|speed| speed.parse().ok())
        .unwrap_or(1)
        .max(1)
}

impl Guest for Scaled {
    fn now() -> Instant {
        host::now().saturating_mul(speed())
    }

    fn resolution() -> Duration {
        host::resolution().saturating_mul(speed())
    }

    fn subscribe_instant(when: Instant) -> Pollable {
        host::subscribe_instant(when.div_ceil(speed()))
    }

    fn subscribe_duration(when: Duration) -> Pollable {
        host::subscribe_duration(when.div_ceil(speed()))
    }
}

export!(Scaled);

fn main() {
    eprintln!("this component stands before another one: `cargo wasip2 compose`");
    std::process::exit(2);
}
