//! cargo-hack, which tries combinations of features.

use std::path::PathBuf;

use anyhow::Result;

use crate::cargo_tool::CargoTool;
use crate::packages::DATA;
use wasip2_ground::{Console, Home};

/// The program, if it was built before in the right version.
pub fn kept(home: &Home) -> Option<PathBuf> {
    tool().kept(home)
}

/// The program; built where it is missing.
pub fn cargo_hack(home: &Home, console: &Console) -> Result<PathBuf> {
    tool().bring(home, console)
}

fn tool() -> CargoTool<'static> {
    CargoTool {
        name: "cargo-hack",
        program: "cargo-hack",
        version: &DATA.cargo_hack.version,
        features: None,
        optimised: false,
    }
}
