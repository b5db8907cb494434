//! Counts and times what a program does over and over, and says the result on
//! one line that `cargo wasip2 bench` reads.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// How many operations are measured at most: enough for every percentile.
const MOST: u64 = 1_000_000;

/// The longest time that is told from longer ones, in nanoseconds.
const LONGEST: u64 = 60_000_000_000;

/// What is measured.
#[derive(Debug)]
pub struct Measure {
    /// When the warm-up is over.
    warm: Instant,
    /// When to stop.
    end: Instant,
    /// When the first measured operation began.
    begun: Option<Instant>,
    /// When the last one ended.
    ended: Instant,
    /// Nanoseconds an operation.
    latencies: Histogram<u64>,
    /// Measured operations.
    operations: u64,
    /// All operations, with those of the warm-up.
    total: u64,
}

impl Measure {
    /// Begins to measure, for `seconds` after a warm-up of a tenth of that.
    pub fn new(seconds: f64) -> Measure {
        let now = Instant::now();
        let warm = now + Duration::from_secs_f64(seconds / 10.0);
        Measure {
            warm,
            end: warm + Duration::from_secs_f64(seconds),
            begun: None,
            ended: now,
            latencies: Histogram::new_with_bounds(1, LONGEST, 3).expect("the bounds are right"),
            operations: 0,
            total: 0,
        }
    }

    /// Whether there is time for more.
    pub fn goes_on(&self) -> bool {
        self.operations < MOST && Instant::now() < self.end
    }

    /// Notes that so many operations, begun at this time, have ended now.
    pub fn record(&mut self, begun: Instant, operations: u64) {
        let now = Instant::now();
        self.total += operations;
        if begun < self.warm {
            return;
        }
        self.begun.get_or_insert(begun);
        self.ended = now;
        self.operations += operations;
        let each = (now - begun).as_nanos() as u64 / operations;
        self.latencies.saturating_record_n(each, operations);
    }

    /// Prints the result, and returns when standard input ends: until then the
    /// program can be looked at.
    pub fn finish(self) {
        let seconds = self
            .begun
            .map_or(0.0, |begun| (self.ended - begun).as_secs_f64());
        let mut line = format!(
            "{{\"operations\":{},\"total\":{},\"seconds\":{seconds}",
            self.operations, self.total
        );
        for (name, quantile) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)] {
            let value = self.latencies.value_at_quantile(quantile);
            write!(line, ",\"{name}\":{value}").expect("a string takes everything");
        }
        println!("{line}}}");
        let _ = std::io::stdout().flush();
        let _ = std::io::stdin().read(&mut [0]);
    }
}

/// The URLs that the argument at `position` has, separated by commas. Each of
/// those that send requests at once has one, and they are shared out evenly.
///
/// # Panics
///
/// Where it is missing.
pub fn urls(position: usize) -> Vec<String> {
    let argument = std::env::args().nth(position);
    let urls = argument.unwrap_or_else(|| panic!("argument {position} is to be the URLs"));
    urls.split(',').map(str::to_owned).collect()
}

/// The program's arguments: their names for the error, then numbers.
///
/// # Panics
///
/// Where one is missing or no number.
pub fn number(position: usize, name: &str) -> f64 {
    std::env::args()
        .nth(position)
        .and_then(|word| word.parse().ok())
        .unwrap_or_else(|| panic!("argument {position} is to be a number: {name}"))
}
