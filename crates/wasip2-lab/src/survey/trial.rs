//! Checks one entry in one variant.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::found::{Found, Outcome};
use super::list::Entry;
use crate::matrix::cell::Variant;
use wasip2_ground::cargo::cargo;
use wasip2_ground::files::write_whole;
use wasip2_ground::messages::{self, Built, Message};
use wasip2_ground::mirror::mirror;
use wasip2_ground::process::quoted_tail;
use wasip2_ground::{Console, Home, Process, TARGET, child};
use wasip2_series::overrides::{self, Options};
use wasip2_series::project::{Project, locked, read_lock};
use wasip2_series::release::Release;
use wasip2_series::report::report;
use wasip2_series::{Series, SeriesArgs};

/// How long one check may take: some have a library in C below them.
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// What every check needs.
pub struct Trial<'a> {
    /// The variables that C is compiled with: for both variants, so that what
    /// differs are the patches.
    pub clang: Vec<(&'static str, String)>,
    pub series: &'a [Series],
    pub arguments: &'a SeriesArgs,
    pub home: &'a Home,
    pub console: &'a Console,
}

impl Trial<'_> {
    /// Checks it.
    pub fn run(&self, entry: &Entry, variant: Variant) -> Result<Found> {
        let started = Instant::now();
        let mut found = Found {
            name: entry.name.clone(),
            version: None,
            variant,
            outcome: Outcome::Builds,
            error: None,
            at_fault: Vec::new(),
            named: Vec::new(),
            seconds: 0.0,
            follows: String::new(),
        };
        let prepared = self.prepare(entry, variant, &mut found);
        match prepared {
            Ok(project) => self.check(&project, &mut found)?,
            Err(error) => {
                found.outcome = Outcome::DoesNotResolve;
                found.error = Some(format!("{error:#}"));
            }
        }
        found.seconds = started.elapsed().as_secs_f64();
        Ok(found)
    }

    /// The project, locked, and initialised where it is to be patched.
    fn prepare(&self, entry: &Entry, variant: Variant, found: &mut Found) -> Result<Project> {
        let place = format!("survey/{variant}/{}", entry.name);
        let root = self.home.directory(&place)?;
        let project = Project { root: root.clone() };
        let newest = self.newest(entry)?;
        match entry.program {
            false => depend(&root, entry, &newest)?,
            true => {
                let release = Release {
                    name: entry.name.clone(),
                    version: newest.parse()?,
                    checksum: None,
                };
                let network = self.arguments.network();
                let released = release.fetch(network, self.home, self.console)?;
                mirror(&released.directory, &root, &["target", ".cargo"])?;
                stand_alone(&root)?;
            }
        }
        found.version = Some(newest);
        match variant {
            Variant::Upstream => {
                project.lock(self.arguments.offline, self.console)?;
            }
            Variant::Patched => {
                let options = Options {
                    offline: self.arguments.offline,
                    ..Options::default()
                };
                overrides::initialise(&project, self.series, &options, self.home, self.console)?;
                let said = report(&project, self.series, self.arguments.offline, self.console)?;
                // The compiler is in the environment here.
                let broken = said.unsupported.iter().filter(|krate| !krate.lacks_c);
                found.named = broken
                    .map(|krate| format!("{} {}", krate.name, krate.version))
                    .collect();
            }
        }
        Ok(project)
    }

    /// The newest release that suits this Rust.
    fn newest(&self, entry: &Entry) -> Result<String> {
        let root = self
            .home
            .directory(format!("survey/newest/{}", entry.name))?;
        depend(&root, entry, &entry.version)?;
        let project = Project { root: root.clone() };
        let lock = root.join("Cargo.lock");
        if !lock.exists() {
            let output = project
                .cargo(&["generate-lockfile", "--quiet"], self.arguments.offline)
                .env("CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS", "fallback")
                .output(self.console)?;
            if !output.status.success() {
                bail!("cargo cannot resolve it{}", quoted_tail(&output.stderr, 8));
            }
        }
        let versions = locked(&read_lock(&lock)?, &entry.name);
        let newest = versions.last().context("it is not locked")?;
        Ok(newest.to_string())
    }

    fn check(&self, project: &Project, found: &mut Found) -> Result<()> {
        let mut process = Process::new(cargo())
            .current_dir(&project.root)
            .args([
                "check",
                "--message-format=json",
                "--keep-going",
                "--target",
                TARGET,
            ])
            .env("CARGO_TARGET_DIR", self.home.directory("survey/target")?)
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_INCREMENTAL", "0");
        for (name, value) in &self.clang {
            process = process.env(name, value);
        }
        let ended = child::run(process.into_command(), LIMIT)?;
        let mut built = Built::default();
        let mut at_fault = Vec::new();
        messages::read(&*ended.stdout, |message| {
            if let Message::CompilerMessage(said) = &message
                && said.message.level == messages::diagnostic::DiagnosticLevel::Error
            {
                note(&mut at_fault, messages::package(&said.package_id.repr));
            }
            built.note(message, None);
        })?;
        let said = String::from_utf8_lossy(&ended.stderr);
        if said.contains("No space left on device") {
            bail!("a disk is full: make room, and run the same command again");
        }
        let scripts = said.lines().filter_map(script);
        scripts.for_each(|package| note(&mut at_fault, package));
        match ended.status {
            Some(status) if status.success() => return Ok(()),
            Some(_) => found.error = Some(built.error.unwrap_or_else(|| first_error(&said))),
            None => found.error = Some(format!("it had not ended after {} s", LIMIT.as_secs())),
        }
        found.outcome = Outcome::DoesNotBuild;
        found.at_fault = at_fault;
        Ok(())
    }
}

fn note(at_fault: &mut Vec<String>, package: String) {
    if !at_fault.contains(&package) {
        at_fault.push(package);
    }
}

/// The package whose build script failed, as cargo has it in
/// "failed to run custom build command for `ring v0.17.14`".
fn script(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("failed to run custom build command for `")?;
    let package = rest.split('`').next()?;
    let mut words = package.split(' ');
    let (name, version) = (words.next()?, words.next()?);
    Some(format!("{name} {}", version.trim_start_matches('v')))
}

/// What was said first, where no compiler said anything.
fn first_error(said: &str) -> String {
    let from = said.find("error").unwrap_or(0);
    let lines: Vec<&str> = said[from..]
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .take(6)
        .collect();
    lines.join(" ").chars().take(400).collect()
}

/// A project that depends on the crate.
fn depend(root: &Path, entry: &Entry, version: &str) -> Result<()> {
    let requirement = match version.starts_with(|character: char| character.is_ascii_digit())
        && version.split('.').count() > 2
    {
        true => format!("={version}"),
        false => version.to_owned(),
    };
    let manifest = format!(
        "# Made by `cargo wasip2 survey`.\n[package]\nname = \"depends-on-{}\"\nversion = \
         \"0.0.0\"\nedition = \"2024\"\nrust-version = \"1.95\"\n\n[dependencies]\n{} = {{ \
         version = \"{requirement}\", default-features = {}, features = {:?} }}\n\n[workspace]\n",
        entry.name, entry.name, !entry.no_default_features, entry.features
    );
    let write = |file: PathBuf, text: &str| -> Result<()> {
        match fs::read(&file).is_ok_and(|old| old == text.as_bytes()) {
            true => Ok(()),
            false => write_whole(&file, text.as_bytes()),
        }
    };
    write(root.join("Cargo.toml"), &manifest)?;
    write(root.join("src/lib.rs"), "")
}

/// Has a package that was part of a workspace stand alone.
fn stand_alone(root: &Path) -> Result<()> {
    let path = root.join("Cargo.toml");
    let text = fs::read_to_string(&path)?;
    let table: toml::Table = text.parse()?;
    if !table.contains_key("workspace") {
        write_whole(&path, format!("{text}\n[workspace]\n").as_bytes())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_build_script_is_named() {
        assert_eq!(
            script("error: failed to run custom build command for `openssl-sys v0.9.118`"),
            Some("openssl-sys 0.9.118".to_owned())
        );
        assert_eq!(script("warning: nothing"), None);
    }
}
