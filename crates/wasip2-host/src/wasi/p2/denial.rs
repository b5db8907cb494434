//! What a guest wanted and had no right to.
//!
//! WASI's errors do not say which right is missing ("permission denied", "name
//! does not resolve"), and what the guest makes of them says even less. So the
//! host keeps a note of the first thing refused for want of each right, and
//! tells of it when the guest has ended.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use wasip2_ground::Console;

/// A right, by the flag that gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// `--network`
    Network,
    /// `--name-lookup`
    NameLookup,
    /// `--http`
    Http,
    /// `--max-memory`
    Memory,
}

impl Right {
    fn flag(self) -> &'static str {
        match self {
            Right::Network => "--network",
            Right::NameLookup => "--name-lookup",
            Right::Http => "--http",
            Right::Memory => "--max-memory",
        }
    }
}

/// What was refused, shared by everything that can refuse.
#[derive(Clone, Debug, Default)]
pub struct Denials {
    /// The first thing refused for want of each right.
    first: Arc<Mutex<BTreeMap<Right, String>>>,
}

impl Denials {
    /// Notes that the guest was refused `what`.
    pub fn note(&self, right: Right, what: impl FnOnce() -> String) {
        self.locked().entry(right).or_insert_with(what);
    }

    /// Says what was refused and how to allow it.
    pub fn tell(&self, console: &Console) {
        for (right, what) in self.locked().iter() {
            let flag = right.flag();
            console.warn(format!("the guest was refused {what}; `{flag}` allows it"));
        }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, BTreeMap<Right, String>> {
        self.first
            .lock()
            .expect("nothing that holds this lock panics")
    }
}
