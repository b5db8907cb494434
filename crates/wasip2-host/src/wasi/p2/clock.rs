//! Time as `--clock` has it pass.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use wasmtime::component::{HasData, Resource, ResourceTable};
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

use super::guest::Guest;
use crate::stand_ins::Pace;

/// When a clock that is frozen begins: 2025-01-01, after whose certificates are
/// valid and before they are not.
const BEGIN: Duration = Duration::from_secs(1_735_689_600);

/// What each look at a frozen clock takes: a guest that computes until it is
/// later would never end.
const LOOK: u64 = 1_000;

/// The clocks of one guest.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    pace: Pace,
    started: Instant,
    /// The time of day at the start.
    day: Duration,
    /// By how much it is later for the guest, in nanoseconds.
    ahead: Mutex<u64>,
}

impl Clock {
    /// Clocks that begin now.
    pub fn new(pace: Pace) -> Clock {
        let today = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Clock(Arc::new(Shared {
            pace,
            started: Instant::now(),
            day: match pace {
                Pace::Frozen => BEGIN,
                _ => today().unwrap_or(BEGIN),
            },
            ahead: Mutex::new(0),
        }))
    }

    /// How long ago it began, for the guest.
    fn now(&self) -> u64 {
        let passed = nanoseconds(self.0.started.elapsed());
        match self.0.pace {
            Pace::Fast => passed.saturating_add(*self.ahead()),
            Pace::Frozen => *self.ahead(),
            Pace::Times(times) => passed.saturating_mul(u64::from(times)),
        }
    }

    /// The same, where the guest asks.
    fn look(&self) -> u64 {
        if self.0.pace == Pace::Frozen {
            *self.ahead() += LOOK;
        }
        self.now()
    }

    /// Has it be `when`, if that is later.
    fn jump(&self, when: u64) {
        let later = when.saturating_sub(self.now());
        let mut ahead = self.ahead();
        *ahead = ahead.saturating_add(later);
    }

    /// How long the host has to wait until it is `when`.
    fn until(&self, when: u64) -> Duration {
        let left = when.saturating_sub(self.now());
        Duration::from_nanos(match self.0.pace {
            Pace::Times(times) => left.div_ceil(u64::from(times)),
            _ => left,
        })
    }

    fn ahead(&self) -> std::sync::MutexGuard<'_, u64> {
        self.0.ahead.lock().expect("nothing that holds this panics")
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl HostMonotonicClock for Clock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        self.look()
    }
}

impl HostWallClock for Clock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        self.0.day + Duration::from_nanos(self.look())
    }
}

/// A guest's clock, and what it waits for by it.
#[derive(Debug)]
pub struct Timers {
    pub clock: Clock,
    /// When each pollable of the clock is ready, by its number.
    deadlines: HashMap<u32, u64>,
}

impl Timers {
    /// None yet.
    pub fn new(clock: Clock) -> Timers {
        Timers {
            clock,
            deadlines: HashMap::new(),
        }
    }

    /// The guest waits for any of `pollables`. Where they are all of the clock,
    /// it becomes the time of the first. Gives back since when it waits,
    /// otherwise.
    pub fn wait(&self, pollables: &[Resource<DynPollable>]) -> Option<Since> {
        let mut deadlines = pollables
            .iter()
            .map(|pollable| self.deadlines.get(&pollable.rep()));
        let first = deadlines.try_fold(u64::MAX, |first, next| Some(first.min(*next?)));
        match (self.clock.0.pace, first) {
            (Pace::Times(_), _) => None,
            (_, Some(first)) => {
                self.clock.jump(first);
                None
            }
            (Pace::Fast, None) => None,
            (Pace::Frozen, None) => Some(Since {
                clock: self.clock.clone(),
                began: Instant::now(),
                then: self.clock.now(),
            }),
        }
    }

    /// A pollable is gone.
    pub fn dropped(&mut self, pollable: u32) {
        self.deadlines.remove(&pollable);
    }
}

/// A wait of a guest whose clock is frozen, but for waits.
pub struct Since {
    clock: Clock,
    began: Instant,
    then: u64,
}

impl Since {
    /// The wait is over: what it took has passed for the guest. Milliseconds
    /// only, so that what was ready takes no time.
    pub fn over(self) {
        let took = self.began.elapsed().as_millis();
        let took = u64::try_from(took).unwrap_or(0).saturating_mul(1_000_000);
        self.clock.jump(self.then.saturating_add(took));
    }
}

/// Stands in for `wasi:clocks/monotonic-clock`, whose pollables know only the
/// host's time.
pub struct MonotonicClock<'a> {
    timers: &'a mut Timers,
    table: &'a mut ResourceTable,
}

impl HasData for MonotonicClock<'static> {
    type Data<'a> = MonotonicClock<'a>;
}

impl MonotonicClock<'_> {
    /// The one of `guest`, which has one.
    pub fn of(guest: &mut Guest) -> MonotonicClock<'_> {
        MonotonicClock {
            timers: (guest.timers.as_mut()).expect("it is linked where a guest has timers"),
            table: &mut guest.table,
        }
    }
}

impl monotonic_clock::Host for MonotonicClock<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.timers.clock.look())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let timer = self.table.push(Timer {
            clock: self.timers.clock.clone(),
            when,
            is_new: true,
        })?;
        let pollable = subscribe(self.table, timer)?;
        self.timers.deadlines.insert(pollable.rep(), when);
        Ok(pollable)
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let when = self.timers.clock.now().saturating_add(duration);
        self.subscribe_instant(when)
    }
}

/// A moment of the guest's.
struct Timer {
    clock: Clock,
    when: u64,
    /// Whether it was not asked about yet.
    is_new: bool,
}

#[wasmtime_wasi::async_trait]
impl Pollable for Timer {
    async fn ready(&mut self) {
        if std::mem::take(&mut self.is_new) && self.clock.until(self.when).is_zero() {
            // Who asks for what is ready at once wants to know of sockets, and
            // the event loop has to look for them.
            tokio::task::yield_now().await;
        }
        while self.when > self.clock.now() {
            tokio::time::sleep(self.clock.until(self.when)).await;
            if self.clock.0.pace == Pace::Frozen {
                self.clock.jump(self.when);
            }
        }
    }
}
