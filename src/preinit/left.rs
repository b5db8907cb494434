//! What an instance still holds of its host's.

use std::any::Any;
use std::collections::BTreeMap;

use wasmtime::component::ResourceTable;
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, TcpSocket, UdpSocket};

/// What a directory, or a file, is called.
pub const FILE: &str = "file or directory";

/// The resources in `table` in words, if there are any: `2 × input stream, 1
/// pollable`.
pub fn told(table: &mut ResourceTable) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for resource in table.iter_mut() {
        *counts.entry(kind(resource)).or_default() += 1;
    }
    let each = counts.iter().map(|(kind, count)| match count {
        1 => format!("1 {kind}"),
        _ => format!("{count} × {kind}"),
    });
    let all: Vec<String> = each.collect();
    (!all.is_empty()).then(|| all.join(", "))
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
