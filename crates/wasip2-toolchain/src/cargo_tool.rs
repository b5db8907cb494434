//! Programs for the tool's own use that cargo builds from the registry, in the
//! versions that `packages.toml` pins, below the tool's own directory.

use std::fs;
use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::cargo::cargo;
use crate::toolchain::Toolchain;
use wasip2_ground::{Console, Home};

/// A program and its version.
#[derive(Clone, Copy, Debug)]
pub struct CargoTool<'a> {
    /// The package.
    pub name: &'a str,
    /// Its program.
    pub program: &'a str,
    /// Exactly this version.
    pub version: &'a str,
    /// Which of its features are built, where they are not the default ones.
    pub features: Option<&'a [String]>,
    /// Whether it is worth the minutes that an optimised build takes.
    pub optimised: bool,
}

impl CargoTool<'_> {
    /// The program, if it was built before in the right version.
    pub fn kept(&self, home: &Home) -> Option<PathBuf> {
        let root = home.root().join("tools");
        // cargo's own list of what it installed there, written at the end.
        let installed = fs::read_to_string(root.join(".crates.toml")).ok()?;
        let entry = format!("\"{} {} (", self.name, self.version);
        let program = format!("{}{}", self.program, std::env::consts::EXE_SUFFIX);
        let program = root.join("bin").join(program);
        (installed.contains(&entry) && program.is_file()).then_some(program)
    }

    /// The program; built where it is missing.
    pub fn bring(&self, home: &Home, console: &Console) -> Result<PathBuf> {
        if let Some(program) = self.kept(home) {
            return Ok(program);
        }
        let _lock = home.lock("tools", console)?;
        if let Some(program) = self.kept(home) {
            return Ok(program);
        }
        let CargoTool { name, version, .. } = self;
        home.may_fetch(format!("{name} {version}"))?;
        let toolchain = Toolchain::active(console)?;
        console.status(
            "Installing",
            format!("{name} {version} for the tool's own use"),
        );
        let mut process = cargo(&toolchain)
            .args(["install", name, "--locked", "--force", "--version"])
            .arg(format!("={version}"))
            .args(["--target", &toolchain.host, "--root"])
            .arg(home.directory("tools")?)
            .arg("--target-dir")
            .arg(home.directory("tools/target")?)
            // Else cargo warns that the program is not on PATH.
            .arg("--quiet");
        if !self.optimised {
            process = process.arg("--debug");
        }
        if let Some(features) = self.features {
            process = process.args(["--no-default-features", "--features", &features.join(",")]);
        }
        let line = process.line();
        let spinner = console.spinner("Compiling", format!("{name} {version}"));
        let output = process.output(console)?;
        spinner.finish_and_clear();
        if !output.status.success() {
            bail!(
                "{name} {version} could not be built: `{line}` failed ({}){}",
                output.status,
                wasip2_ground::process::quoted_tail(&output.stderr, 12)
            );
        }
        // Only the program is used.
        let _ = fs::remove_dir_all(home.root().join("tools/target"));
        match self.kept(home) {
            Some(program) => Ok(program),
            None => bail!("`{line}` succeeded, but installed no {name} {version}"),
        }
    }
}
