//! cargo-semver-checks, which compares public interfaces.

use std::path::PathBuf;

use anyhow::Result;

use crate::cargo_tool::CargoTool;
use crate::packages::DATA;
use wasip2_ground::{Console, Home};

/// The program; built where it is missing.
pub fn semver_checks(home: &Home, console: &Console) -> Result<PathBuf> {
    let tool = CargoTool {
        name: "cargo-semver-checks",
        program: "cargo-semver-checks",
        version: &DATA.cargo_semver_checks.version,
        features: None,
        optimised: false,
    };
    tool.bring(home, console)
}
