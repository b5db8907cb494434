//! Overrides: a user's own project builds with the patched trees.
//!
//! The contract: after success every crate of the project that we have a
//! series for is built from its patched tree, and cargo's lock file says so;
//! after any failure the project is as it was. Nothing is written but
//! `[patch.crates-io]` entries, the target's runner, rustc's flags for it if asked
//! for threads, and the lock file.
//!
//! Cargo ignores an override that fits no locked version, with a warning at
//! most. Here that is an error which names the crate that pulls the other
//! version in.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use cargo_lock::Lockfile;
use semver::Version;
use wasip2_ground::process::quoted_tail;
use wasip2_ground::{Console, Home, TARGET};

use crate::config::{Config, Runner};
use crate::project::{Kept, Project, locked, pulled_in_by};
use crate::release::Network;
use crate::series::Series;
use crate::shims::Shims;
use crate::tree;

/// What `init` may and may not do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// Crates to leave as they are.
    pub except: &'a [String],
    /// `crate@version`s that may stay unpatched.
    pub allow: &'a [String],
    /// Whether blocking tasks are to have stacks of their own.
    pub threads: bool,
    /// Whether to keep from the network.
    pub offline: bool,
}

/// Overrides what can be overridden in `project`; gives back the series that
/// are in use. On failure the project is as it was.
pub fn initialise<'a>(
    project: &Project,
    series: &'a [Series],
    options: &Options,
    home: &Home,
    console: &Console,
) -> Result<Vec<&'a Series>> {
    let config = Config::read(&project.root)?;
    or_as_it_was(project, &config.path.clone(), || {
        override_crates(project, config, series, options, home, console)
    })
}

/// Makes a change to the configuration at `config` and to the lock file; both
/// are as they were where it fails.
fn or_as_it_was<T>(
    project: &Project,
    config: &Path,
    change: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let kept = [Kept::of(config.to_owned())?, Kept::of(project.lock_path())?];
    let result = change();
    if result.is_err() {
        for file in &kept {
            file.restore()?;
        }
    }
    result
}

fn override_crates<'a>(
    project: &Project,
    mut config: Config,
    series: &'a [Series],
    options: &Options,
    home: &Home,
    console: &Console,
) -> Result<Vec<&'a Series>> {
    // A project may use a shim itself, and no registry has it; nor has one what
    // trees need by now that an earlier `init` put in place.
    let shims = Shims::find(home)?;
    shims.stage_all(home, console)?;
    let mut manifests = project.manifests(console)?;
    let first = match config.has_ours() {
        true => shims.all(),
        false => shims.needed(&manifests)?,
    };
    if !first.is_empty() {
        override_shims(&first, &shims, &mut config, home)?;
        config.write()?;
    }
    let before = project.lock(options.offline, console)?;
    let wanted = plan(&before, series, options, console)?;

    let threads = config.has_threads();
    config.remove_ours();
    if options.threads || (threads && !config.has_threads()) {
        config.set_threads()?;
    }
    let mut taken = HashSet::new();
    for (series, _) in &wanted {
        let key = if taken.insert(series.name.as_str()) {
            series.name.clone()
        } else {
            format!("{}-{}", series.name, series.line.replace('.', "-"))
        };
        config.set_override(&key, &series.name, &tree::path(series, home))?;
    }
    if let Runner::Theirs(runner) = config.set_runner(&runner()?)? {
        console.warn(format!(
            "{} already sets a runner for {TARGET}, which stays: {runner}",
            config.path.display()
        ));
    }
    for (series, _) in &wanted {
        let network = Network {
            offline: options.offline,
        };
        manifests.push(tree::make(series, network, false, home, console)?.join("Cargo.toml"));
    }
    let needed = shims.needed(&manifests)?;
    override_shims(&needed, &shims, &mut config, home)?;
    config.write()?;
    console.detail("Wrote", config.path.display());

    for (series, version) in &wanted {
        if *version != series.version {
            move_lock(project, &before, series, version, options, console)?;
        }
    }
    let after = project.lock(options.offline, console)?;
    for (series, version) in &wanted {
        check_override(&after, series)?;
        console.status(
            "Overriding",
            if *version == series.version {
                format!("{series}")
            } else {
                format!("{} v{version} -> v{}", series.name, series.version)
            },
        );
    }
    drop_unused_shims(project, &needed, &after, &mut config, options, console)?;
    Ok(wanted.into_iter().map(|(series, _)| series).collect())
}

/// Overrides the shims that `names` names.
fn override_shims(
    names: &BTreeSet<String>,
    shims: &Shims,
    config: &mut Config,
    home: &Home,
) -> Result<()> {
    for name in names {
        config.set_override(name, name, &shims.path(name, home))?;
    }
    Ok(())
}

/// Takes the overrides out again of shims that only a feature which is off
/// would need: cargo would warn of them in every build.
fn drop_unused_shims(
    project: &Project,
    names: &BTreeSet<String>,
    lock: &Lockfile,
    config: &mut Config,
    options: &Options,
    console: &Console,
) -> Result<()> {
    let unused: Vec<&String> = names
        .iter()
        .filter(|name| locked(lock, name).is_empty())
        .collect();
    if unused.is_empty() {
        return Ok(());
    }
    for name in unused {
        config.remove_override(name);
    }
    config.write()?;
    project.lock(options.offline, console)?;
    Ok(())
}

/// Which series the project needs, each with the version that is locked now.
fn plan<'a>(
    lock: &Lockfile,
    all: &'a [Series],
    options: &Options,
    console: &Console,
) -> Result<Vec<(&'a Series, Version)>> {
    let mut wanted = Vec::new();
    let crates: Vec<&str> = {
        let mut seen = HashSet::new();
        all.iter()
            .map(|series| series.name.as_str())
            .filter(|name| seen.insert(*name))
            .collect()
    };
    for name in crates {
        if options.except.iter().any(|except| except == name) {
            continue;
        }
        for version in locked(lock, name) {
            let series = all
                .iter()
                .find(|series| series.name == name && series.serves(&version));
            if let Some(series) = series {
                wanted.push((series, version));
                continue;
            }
            let lines: Vec<&str> = all
                .iter()
                .filter(|series| series.name == name)
                .map(|series| series.line.as_str())
                .collect();
            let trouble = format!(
                "{name} v{version} ({}) is of a release line without a series (there are: {}), \
                 so it would stay as released",
                pulled_in_by(lock, name, &version),
                lines.join(", ")
            );
            if options.allow.contains(&format!("{name}@{version}")) {
                console.warn(trouble);
            } else {
                bail!(
                    "{trouble}\n  update what pulls it in, or accept it with `--allow \
                     {name}@{version}`"
                );
            }
        }
    }
    Ok(wanted)
}

/// Moves the lock file to the release that the series is for.
fn move_lock(
    project: &Project,
    before: &Lockfile,
    series: &Series,
    version: &Version,
    options: &Options,
    console: &Console,
) -> Result<()> {
    let release = series.release();
    let output = project.move_lock(&release, version, options.offline, console)?;
    if output.status.success() || locked_as_path(&project.lock(options.offline, console)?, series) {
        return Ok(());
    }
    bail!(
        "the project has {} v{version} locked ({}), the series is for v{}, and cargo cannot move \
         there, so the override would be ignored{}",
        series.name,
        pulled_in_by(before, &series.name, version),
        series.version,
        quoted_tail(&output.stderr, 12),
    )
}

/// An error where cargo would not use the override of `series`.
fn check_override(lock: &Lockfile, series: &Series) -> Result<()> {
    let unused = lock.patch.unused.iter().any(|unused| {
        unused.name.as_str() == series.name
            && unused.version.to_string() == series.version.to_string()
    });
    if !unused && locked_as_path(lock, series) {
        return Ok(());
    }
    let found: Vec<String> = locked(lock, &series.name)
        .iter()
        .map(|version| format!("v{version} ({})", pulled_in_by(lock, &series.name, version)))
        .collect();
    bail!(
        "cargo would ignore the override of {series}: the lock file has {} {}; nothing was changed",
        series.name,
        found.join(" and ")
    )
}

/// Whether the lock file takes the series' release from a path.
fn locked_as_path(lock: &Lockfile, series: &Series) -> bool {
    lock.packages.iter().any(|package| {
        package.name.as_str() == series.name
            && package.version.to_string() == series.version.to_string()
            && package.source.is_none()
    })
}

/// The runner, as words: this tool's host with the rights that a program has
/// when it runs natively. Whoever wants fewer takes flags away.
fn runner() -> Result<Vec<String>> {
    let this = std::env::current_exe().context("this program's own path is not known")?;
    let program = match which::which("cargo-wasip2") {
        Ok(found) if same_file(&found, &this) => "cargo-wasip2".to_owned(),
        _ => this.to_string_lossy().into_owned(),
    };
    let mut words = vec![program];
    words.extend(
        [
            "host",
            "--network",
            "--name-lookup",
            "--http",
            "--inherit-env",
            "--dir",
            ".",
        ]
        .map(str::to_owned),
    );
    Ok(words)
}

fn same_file(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// Takes everything of ours out of `project` again; gives back whether there
/// was any. On failure the project is as it was.
pub fn remove(project: &Project, offline: bool, console: &Console) -> Result<bool> {
    let mut config = Config::read(&project.root)?;
    if config.remove_ours() == 0 {
        return Ok(false);
    }
    or_as_it_was(project, &config.path, || {
        config.write()?;
        let locked = project.lock(offline, console);
        locked.context("the lock file could not be brought back to the released crates")?;
        Ok(true)
    })
}

/// Whether blocking tasks have stacks of their own in `project`.
pub fn has_threads(project: &Project) -> Result<bool> {
    Ok(Config::read(&project.root)?.has_threads())
}

/// The configuration that overrides are written to.
pub fn config_path(project: &Project) -> Result<PathBuf> {
    Ok(Config::read(&project.root)?.path)
}
