//! Counts and times what clients do.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rustix::time::{ClockId, clock_gettime};

/// How many operations are measured at most: enough for every percentile.
const MOST: u64 = 1_000_000;

/// The longest time that is told from longer ones, in nanoseconds.
const LONGEST: u64 = 60_000_000_000;

/// What clients have done.
#[derive(Clone, Debug)]
pub struct Load {
    /// Measured operations.
    pub operations: u64,
    /// All operations, with those of the warm-up.
    pub total: u64,
    /// How long the measured ones took in all.
    pub seconds: f64,
    /// Nanoseconds that half of them took at most.
    pub p50: u64,
    /// Nanoseconds that nine in ten took at most.
    pub p90: u64,
    /// Nanoseconds that all but one in a hundred took at most.
    pub p99: u64,
    /// Which part of the time the clients' thread was busy: near 1, they are
    /// what is measured.
    pub busy: Option<f64>,
    /// Operations a second of connections beside those that are measured.
    pub beside: Option<f64>,
}

/// Counts and times for all clients of one run.
#[derive(Debug)]
pub struct Recorder {
    warm: Instant,
    end: Instant,
    begun: Option<(Instant, Duration)>,
    ended: Instant,
    latencies: Histogram<u64>,
    operations: u64,
    total: u64,
}

impl Recorder {
    /// Begins to measure, for `seconds` after a warm-up of a tenth of that.
    pub fn new(seconds: f64) -> Recorder {
        Recorder::at(Instant::now(), seconds)
    }

    /// Begins at a time that may be still to come.
    pub fn at(begin: Instant, seconds: f64) -> Recorder {
        let warm = begin + Duration::from_secs_f64(seconds / 10.0);
        Recorder {
            warm,
            end: warm + Duration::from_secs_f64(seconds),
            begun: None,
            ended: begin,
            latencies: Histogram::new_with_bounds(1, LONGEST, 3).expect("the bounds are right"),
            operations: 0,
            total: 0,
        }
    }

    /// Whether there is time for more.
    pub fn goes_on(&self) -> bool {
        self.operations < MOST && Instant::now() < self.end
    }

    /// Whether the warm-up is over, and the end is not there.
    pub fn is_warm(&self) -> bool {
        let now = Instant::now();
        self.warm <= now && now < self.end
    }

    /// Notes that an operation, begun at this time, has ended now.
    pub fn record(&mut self, begun: Instant) {
        let now = Instant::now();
        self.total += 1;
        if begun < self.warm {
            return;
        }
        self.begun.get_or_insert_with(|| (begun, thread_time()));
        self.ended = now;
        self.operations += 1;
        self.latencies
            .saturating_record((now - begun).as_nanos() as u64);
    }

    /// What was done.
    pub fn finish(&self) -> Load {
        let (seconds, busy) = match self.begun {
            None => (0.0, None),
            Some((begun, time)) => {
                let seconds = (self.ended - begun).as_secs_f64();
                let busy = (thread_time() - time).as_secs_f64();
                (seconds, Some((busy / seconds).min(1.0)))
            }
        };
        Load {
            operations: self.operations,
            total: self.total,
            seconds,
            p50: self.latencies.value_at_quantile(0.5),
            p90: self.latencies.value_at_quantile(0.9),
            p99: self.latencies.value_at_quantile(0.99),
            busy: busy.filter(|busy| busy.is_finite()),
            beside: None,
        }
    }
}

/// How long this thread has been busy.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
