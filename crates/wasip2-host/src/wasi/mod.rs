//! A directory for each version of WASI that this program's own host has.

pub mod p2;
