//! The versions of WASI.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A version of WASI. A program waits through one of them only, so it is built
/// for one.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, ValueEnum,
)]
pub enum Wasi {
    /// Waits are calls of `wasi:io/poll`
    #[default]
    #[serde(rename = "0.2")]
    #[value(name = "0.2")]
    P2,
    /// Waits are in the component model's own ABI; Wasmtime 46 or newer
    #[serde(rename = "0.3")]
    #[value(name = "0.3")]
    P3,
}

impl Wasi {
    /// It as `--wasi` and files have it.
    pub fn word(self) -> &'static str {
        match self {
            Wasi::P2 => "0.2",
            Wasi::P3 => "0.3",
        }
    }
}

impl fmt::Display for Wasi {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}
