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
    /// `--http-allow`
    HttpHost,
    /// `--grant`, to send to another component
    Route,
    /// `--max-memory`
    Memory,
}

impl Right {
    fn flag(self) -> &'static str {
        match self {
            Right::Network => "--network",
            Right::NameLookup => "--name-lookup",
            Right::Http => "--http",
            Right::HttpHost => "--http-allow HOST",
            Right::Route => "--route=NAME",
            Right::Memory => "--max-memory",
        }
    }
}

/// What was refused, shared by everything that can refuse.
#[derive(Clone, Debug, Default)]
pub struct Denials {
    /// The first thing refused for want of each right.
    first: Arc<Mutex<BTreeMap<Right, String>>>,
    /// Which guest it is, where there is more than one.
    name: Option<Arc<str>>,
}

impl Denials {
    /// Those of the component of that name.
    pub fn of(name: Arc<str>) -> Denials {
        Denials {
            name: Some(name),
            ..Denials::default()
        }
    }

    /// Notes that the guest was refused `what`.
    pub fn note(&self, right: Right, what: impl FnOnce() -> String) {
        self.locked().entry(right).or_insert_with(what);
    }

    /// Says what was refused and how to allow it.
    pub fn tell(&self, console: &Console) {
        for (right, what) in self.locked().iter() {
            let flag = right.flag();
            let (who, flag) = match &self.name {
                Some(name) if *right != Right::Memory => (
                    format!("`{name}`"),
                    format!(
                        "--grant {name}:{}",
                        flag.trim_start_matches("--").replace(' ', "=")
                    ),
                ),
                Some(name) => (format!("`{name}`"), flag.to_owned()),
                None => ("the guest".to_owned(), flag.to_owned()),
            };
            console.warn(format!("{who} was refused {what}; `{flag}` allows it"));
        }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, BTreeMap<Right, String>> {
        self.first
            .lock()
            .expect("nothing that holds this lock panics")
    }
}
