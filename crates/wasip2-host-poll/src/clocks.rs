//! `wasi:clocks`.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wasmtime::Result;
use wasmtime::component::{ComponentType, Lift, Linker, Lower};

use crate::poll::Pollable;
use crate::{Context, Guest};

/// `wasi:clocks/wall-clock.datetime`.
#[derive(Clone, Copy, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub struct DateTime {
    pub seconds: u64,
    pub nanoseconds: u32,
}

impl DateTime {
    /// It in WASI's form; a time before 1970 is 1970.
    pub fn of(time: SystemTime) -> DateTime {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        DateTime {
            seconds: since.as_secs(),
            nanoseconds: since.subsec_nanos(),
        }
    }

    /// It in std's form, if it has one.
    pub fn time(self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(Duration::new(self.seconds, self.nanoseconds))
    }
}

/// When a time of the guest's is, since `started`.
fn pollable(started: Instant, when: u64) -> Pollable {
    match started.checked_add(Duration::from_nanos(when)) {
        Some(when) if when <= Instant::now() => Pollable::Ready,
        Some(when) => Pollable::At(when),
        None => Pollable::Never,
    }
}

/// Adds them to `linker`.
pub fn link(linker: &mut Linker<Guest>) -> Result<()> {
    let mut interface = linker.instance("wasi:clocks/wall-clock@0.2.0")?;
    interface.func_wrap("now", |_: Context, ()| {
        Ok((DateTime::of(SystemTime::now()),))
    })?;
    interface.func_wrap("resolution", |_: Context, ()| {
        Ok((DateTime {
            seconds: 0,
            nanoseconds: 1,
        },))
    })?;

    let mut interface = linker.instance("wasi:clocks/monotonic-clock@0.2.0")?;
    let now = |context: &Context| context.data().started.elapsed().as_nanos() as u64;
    interface.func_wrap("now", move |context: Context, ()| Ok((now(&context),)))?;
    interface.func_wrap("resolution", |_: Context, ()| Ok((1_u64,)))?;
    interface.func_wrap(
        "subscribe-instant",
        |mut context: Context, (when,): (u64,)| {
            let guest = context.data_mut();
            Ok((guest.table.push(pollable(guest.started, when))?,))
        },
    )?;
    interface.func_wrap(
        "subscribe-duration",
        move |mut context: Context, (duration,): (u64,)| {
            let when = now(&context).saturating_add(duration);
            let guest = context.data_mut();
            let pollable = match duration {
                0 => Pollable::Ready,
                _ => pollable(guest.started, when),
            };
            Ok((guest.table.push(pollable)?,))
        },
    )
}
