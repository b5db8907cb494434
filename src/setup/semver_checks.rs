//! cargo-semver-checks, which compares public interfaces.

use std::path::PathBuf;

use anyhow::Result;

use super::cargo_tool::CargoTool;
use super::packages::DATA;
use crate::console::Console;
use crate::home::Home;

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
