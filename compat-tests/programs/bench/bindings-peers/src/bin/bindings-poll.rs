//! What a turn of an event loop costs that has so many timers: one is asked for
//! that is over at once, and polled beside others that are far away.
//!
//! Usage: bindings-poll NUMBER SECONDS

use std::time::Instant;

use measure::{Measure, number};
use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::io::poll::{Pollable, poll};

/// An hour.
const FAR: u64 = 3_600_000_000_000;

/// How many turns are timed together: reading the clock goes through the layers,
/// too.
const BATCH: u64 = 32;

fn main() {
    let count = number(1, "how many") as usize;
    let seconds = number(2, "how many seconds");
    let far: Vec<Pollable> = (1..count).map(|_| subscribe_duration(FAR)).collect();
    let mut measure = Measure::new(seconds);
    while measure.goes_on() {
        let begun = Instant::now();
        for _ in 0..BATCH {
            let over = subscribe_duration(0);
            let mut all: Vec<&Pollable> = far.iter().collect();
            all.push(&over);
            assert_eq!(poll(&all), [far.len() as u32]);
        }
        measure.record(begun, BATCH);
    }
    measure.finish();
}
