//! What a panic does in a component.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What a panic does in a component.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize, ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Panic {
    /// It ends the component, as everywhere on released Rust
    #[default]
    Abort,
    /// It unwinds and can be caught, with a standard library that this tool
    /// makes; the host needs the exceptions proposal
    Unwind,
}
