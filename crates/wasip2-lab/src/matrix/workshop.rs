//! What cells are made in: workspaces that are staged when the first cell needs
//! them, a C compiler, and this very program, which is the host.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use wasip2_ground::cargo::cargo;
use wasip2_ground::child::{self, Ended};
use wasip2_ground::{Console, Home, Process, Wasi, interrupt};
use wasip2_series::workspace::Guests;
use wasip2_series::{Series, SeriesArgs, series};
use wasip2_toolchain::Clang;

use super::cell::Variant;
use super::compile::or_reason;
use super::found::Found;
use super::plan::{Plan, Setting};

/// What cells are made in: staged workspaces, made when the first cell needs
/// them.
pub struct Workshop<'a> {
    pub plan: &'a Plan,
    pub series: &'a SeriesArgs,
    pub all_series: &'a [Series],
    pub home: &'a Home,
    pub console: &'a Console,
    /// Whether only the quick part of the plan is run.
    pub quick: bool,
    /// The workspaces of guests and servers, by their places.
    staged: BTreeMap<(String, Wasi), Result<Arc<Guests>, String>>,
    clang: Option<Clang>,
    /// The projects that features are tried in.
    pub projects: BTreeMap<(String, Variant), Result<PathBuf, String>>,
}

impl<'a> Workshop<'a> {
    pub fn new(
        plan: &'a Plan,
        series: &'a SeriesArgs,
        all_series: &'a [Series],
        home: &'a Home,
        console: &'a Console,
        quick: bool,
    ) -> Workshop<'a> {
        Workshop {
            plan,
            series,
            all_series,
            home,
            console,
            quick,
            staged: BTreeMap::new(),
            clang: None,
            projects: BTreeMap::new(),
        }
    }

    /// The workspace of the guests, as released or on the patched crates, as the
    /// setting has them built; or why it cannot be had.
    pub fn guests(
        &mut self,
        variant: Variant,
        setting: &Setting,
    ) -> Result<Result<Arc<Guests>, String>> {
        let source = self.plan.guests.as_deref();
        let source = source.context("the plan has no guests")?;
        let wasi = setting.wasi;
        match (variant, setting.parts) {
            (Variant::Upstream, _) => self.stage(format!("matrix/{variant}"), source, &[], wasi),
            (Variant::Patched, None) => {
                let series = self.all_series;
                self.stage(format!("matrix/{variant}"), source, series, wasi)
            }
            (Variant::Patched, Some(part)) => {
                let series = series::up_to(self.all_series.to_vec(), part);
                self.stage(format!("matrix/{variant}-{part}"), source, &series, wasi)
            }
        }
    }

    /// The workspace of the plugs, on the patched crates.
    pub fn plugs(&mut self) -> Result<Result<Arc<Guests>, String>> {
        let source = self.plan.plugs.as_deref();
        let source = source.context("the plan has no workspace of plugs (`plugs`)")?;
        let place = "matrix/plugs".to_owned();
        self.stage(place, source, self.all_series, Wasi::P2)
    }

    /// The workspace of the servers, on the patched crates, as the setting has them
    /// built.
    pub fn servers(&mut self, setting: &Setting) -> Result<Result<Arc<Guests>, String>> {
        let source = self.plan.servers.as_deref();
        let source = source.context("the plan has no workspace of servers (`servers`)")?;
        let place = "matrix/servers".to_owned();
        self.stage(place, source, self.all_series, setting.wasi)
    }

    fn stage(
        &mut self,
        place: String,
        source: &Path,
        series: &[Series],
        wasi: Wasi,
    ) -> Result<Result<Arc<Guests>, String>> {
        let key = (place, wasi);
        if let Some(staged) = self.staged.get(&key) {
            return Ok(staged.clone());
        }
        let (home, console) = (self.home, self.console);
        let staged = Guests::stage(&key.0, source, series, wasi, self.series, home, console);
        let staged = or_reason(staged.map(Arc::new))?;
        interrupt::refuse()?;
        self.staged.insert(key, staged.clone());
        Ok(staged)
    }

    /// The variables that have a C compiler compile for the target, where one is
    /// `needed`, or why there is none; it is looked for once.
    pub fn clang(&mut self, needed: bool) -> Result<Result<Vec<(&'static str, String)>, String>> {
        if !needed {
            return Ok(Ok(Vec::new()));
        }
        let clang = match self.clang.take() {
            Some(clang) => clang,
            None => Clang::find(self.home, self.console)?,
        };
        Ok(self.clang.insert(clang).clone().variables())
    }

    /// Runs this tool itself with these words, within `limit`.
    pub fn tool(&self, words: &[String], limit: Duration, found: &mut Found) -> Result<Ended> {
        child::run(self.command(words, found)?, limit)
    }

    /// A command that runs this tool itself with these words; it is noted.
    pub fn command(&self, words: &[String], found: &mut Found) -> Result<Command> {
        let program = std::env::current_exe().context("this program's own path is not known")?;
        let mut command = Command::new(program);
        command.args(words).env_remove("CARGO_WASIP2_HOST");
        let shown = Process::new("cargo").arg("wasip2").args(words);
        found.steps.push(self.portable(&shown.line()));
        Ok(command)
    }

    /// The flags that have another process of this tool take the same series.
    pub fn series_words(&self) -> Vec<String> {
        let mut words = Vec::new();
        if let Some(patches) = &self.series.patches {
            words.push(format!("--patches={}", patches.display()));
        }
        if self.series.offline {
            words.push("--offline".to_owned());
        }
        words
    }

    /// A command without this machine's own paths.
    fn portable(&self, line: &str) -> String {
        let home = self.home.root().to_string_lossy();
        let cargo = cargo();
        line.replace(&*home, "$CARGO_WASIP2_HOME")
            .replace(&*cargo.to_string_lossy(), "cargo")
    }

    /// Notes in `found` a command that is run in `directory`.
    pub fn step(&self, process: &Process, directory: &Path, found: &mut Found) {
        let line = format!("cd {} && {}", directory.display(), process.line());
        found.steps.push(self.portable(&line));
    }

    /// Gives `process` these variables, and notes them in `found`.
    pub fn variables(
        &self,
        process: Process,
        variables: &[(&str, String)],
        found: &mut Found,
    ) -> Process {
        variables.iter().fold(process, |process, (name, value)| {
            let line = format!("export {name}=\"{value}\"");
            found.steps.push(self.portable(&line));
            process.env(name, value)
        })
    }
}
