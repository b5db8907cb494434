//! What a guest checks, and the line that says how much of it held.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU32, Ordering};

static PASSED: AtomicU32 = AtomicU32::new(0);

/// Panics unless `held`.
#[track_caller]
pub fn that(what: &str, held: bool) {
    assert!(held, "{what}");
    PASSED.fetch_add(1, Ordering::Relaxed);
}

/// Panics unless `found` is what was `expected`.
#[track_caller]
pub fn equal<F: PartialEq<E> + Debug, E: Debug>(what: &str, found: F, expected: E) {
    assert!(found == expected, "{what}: {found:?}, not {expected:?}");
    PASSED.fetch_add(1, Ordering::Relaxed);
}

/// Says how many checks passed, as the last line of the guest.
pub fn finish() {
    println!("{} checks passed", PASSED.load(Ordering::Relaxed));
}
