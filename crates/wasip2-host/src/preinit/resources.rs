//! What an instance holds of its host's.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;

use wasmtime::component::ResourceTable;
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, TcpSocket, UdpSocket};

/// What a directory, or a file, is called.
const FILE: &str = "file or directory";

/// How many resources there are, by kind.
#[derive(Debug, Default)]
pub struct Resources(BTreeMap<&'static str, usize>);

impl Resources {
    /// Those in `table`.
    pub fn of(table: &mut ResourceTable) -> Resources {
        let mut resources = Resources::default();
        for resource in table.iter_mut() {
            *resources.0.entry(kind(resource)).or_default() += 1;
        }
        resources
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether files or directories are among them.
    pub fn has_files(&self) -> bool {
        self.0.contains_key(FILE)
    }
}

impl fmt::Display for Resources {
    /// `2 × input stream, 1 pollable`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = self.0.iter().map(|(kind, count)| match count {
            1 => format!("1 {kind}"),
            _ => format!("{count} × {kind}"),
        });
        f.write_str(&each.collect::<Vec<_>>().join(", "))
    }
}

fn kind(resource: &dyn Any) -> &'static str {
    if resource.is::<DynPollable>() {
        "pollable"
    } else if resource.is::<DynInputStream>() {
        "input stream"
    } else if resource.is::<DynOutputStream>() {
        "output stream"
    } else if resource.is::<Descriptor>() {
        FILE
    } else if resource.is::<TcpSocket>() || resource.is::<UdpSocket>() {
        "socket"
    } else {
        "other resource"
    }
}
