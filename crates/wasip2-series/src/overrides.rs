//! Overrides: a user's own project builds with the patched trees.
//!
//! The contract: after success every crate of the project that we have a
//! series for is built from its patched tree, or from what stands for it
//! elsewhere ([`Placement`]), and cargo's lock file says so;
//! after any failure the project is as it was. Nothing is written but
//! `[patch.crates-io]` entries, the target's runner, the variables that C is
//! compiled with, the lock file and, for WASI 0.3 and for threads, flags for
//! rustc.
//!
//! Cargo ignores an override that fits no locked version, with a warning at
//! most. Here that is an error which names the crate that pulls the other
//! version in. A release line that no series covers is named, too, if it is
//! built for this target: a warning, with the update that removes it, or an
//! error where the caller is strict.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use cargo_lock::Lockfile;
use semver::Version;
use wasip2_ground::files::file_name;
use wasip2_ground::process::quoted_tail;
use wasip2_ground::{Console, Home, TARGET, Wasi};
use wasip2_toolchain::{CC, Clang};

use crate::config::{Config, Runner};
use crate::graph::{Graph, Package};
use crate::placement::{Place, Placement};
use crate::project::{Kept, Project, locked, pulled_in_by};
use crate::release::Network;
use crate::series::{Part, Series};
use crate::shims::Shims;
use crate::{tree, vendor};

/// What `init` may and may not do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// Crates to leave as they are.
    pub except: &'a [String],
    /// `crate@version`s that may stay unpatched.
    pub allow: &'a [String],
    /// Whether every other one that stays unpatched is an error.
    pub strict: bool,
    /// Whether to update everything that is locked, first.
    pub update: bool,
    /// Whether to have C compiled, where there is any.
    pub c: bool,
    /// Whether blocking tasks are to have stacks of their own.
    pub threads: bool,
    /// Whether to keep from the network.
    pub offline: bool,
    /// Where the overrides are to lead; where nothing is said, to where an
    /// earlier `init` had them lead.
    pub placement: Option<&'a Placement>,
    /// The version of WASI to build for; where none is named, the one that the
    /// project is built for already.
    pub wasi: Option<Wasi>,
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
    let _lock = project.lock_directory(console)?;
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
    if options.update {
        console.status("Updating", project.lock_path().display());
        project.update(options.offline, console)?;
    }
    let before = project.lock(options.offline, console)?;
    let graph = Graph::of(project, options.offline, console)?;
    let mut wanted = plan(project, &before, &graph, series, options, console)?;

    let wasi = options.wasi.unwrap_or_else(|| config.wasi());
    let had_threads = config.has_threads();
    let before_placement = config.placement();
    let placement = options.placement.unwrap_or(&before_placement).clone();
    config.remove_ours();
    // Those that the project sets by itself are still there.
    let threads = options.threads || (had_threads && !config.has_threads());
    if threads && wasi != Wasi::P2 {
        bail!(
            "stacks of their own for blocking tasks (`--threads`) are there for WASI 0.2 only, and \
             the project is built for {wasi}; nothing was changed: `cargo wasip2 init --remove` \
             and then `init` with one of the two"
        );
    }
    if let Runner::Theirs(runner) = config.set_runner(&runner(&placement, threads)?)? {
        console.warn(format!(
            "{} already sets a runner for {TARGET}, which stays: {runner}",
            config.path.display()
        ));
    }
    config.set_flags(wasi, threads)?;
    if (threads || wasi != Wasi::P2) && config.has_build_rustflags() {
        console.warn(format!(
            "{} sets `build.rustflags`, which cargo leaves out where a target has flags of its \
             own, as this build does: move them to `[target.{TARGET}]`",
            config.path.display()
        ));
    }
    let mut keys = Vec::new();
    let mut done = 0;
    // What a patch adds to the graph may have a series, too.
    let (needed, after) = loop {
        for (series, _) in &wanted[done..] {
            let key = match keys.contains(&series.name) {
                false => series.name.clone(),
                true => format!("{}-{}", series.name, series.line.replace('.', "-")),
            };
            config.set_override(&key, &series.name, &tree::path(series, home))?;
            keys.push(key);
            let network = Network {
                offline: options.offline,
            };
            manifests.push(tree::make(series, network, false, home, console)?.join("Cargo.toml"));
        }
        let needed = shims.needed(&manifests)?;
        override_shims(&needed, &shims, &mut config, home)?;
        config.write()?;
        console.detail("Wrote", config.path.display());

        for (series, version) in &wanted[done..] {
            if *version != series.version {
                let moved = move_lock(project, &before, series, version, options, console);
                unless_unbuilt(moved, &graph, series, version, console)?;
            }
        }
        done = wanted.len();
        let after = project.lock(options.offline, console)?;
        let known: Vec<&Series> = wanted.iter().map(|(series, _)| *series).collect();
        wanted.extend(
            covered(&after, series, options)
                .filter(|(series, _)| !known.iter().any(|known| std::ptr::eq(*known, *series))),
        );
        if done == wanted.len() {
            break (needed, after);
        }
    };
    let mut unused = Vec::new();
    for ((series, version), key) in wanted.iter().zip(&keys) {
        let used = check_override(&after, series);
        if !unless_unbuilt(used, &graph, series, version, console)? {
            config.remove_override(key);
            config.write()?;
            unused.push((series.name.clone(), series.version.clone()));
            continue;
        }
        console.status(
            "Overriding",
            if *version == series.version {
                format!("{series}")
            } else {
                format!("{} v{version} -> v{}", series.name, series.version)
            },
        );
    }
    wanted.retain(|(series, _)| !unused.contains(&(series.name.clone(), series.version.clone())));
    drop_unused_shims(project, &needed, &after, &mut config, options, console)?;
    if options.c {
        compile_c(project, &mut config, options, &placement, home, console)?;
    }
    let wanted: Vec<&Series> = wanted.into_iter().map(|(series, _)| series).collect();
    placement.settle(project, &mut config, &wanted, &shims, home, console)?;
    if let Placement::Git(_) = placement {
        check_git(&project.lock(options.offline, console)?, &wanted)?;
    }
    if let Placement::Vendored(directory) = &before_placement
        && placement != before_placement
    {
        vendor::remove(&project.root.join(directory), &[], console)?;
    }
    Ok(wanted)
}

/// An error where cargo would not fetch one of these from a repository.
fn check_git(lock: &Lockfile, wanted: &[&Series]) -> Result<()> {
    for series in wanted {
        let is_there = lock.packages.iter().any(|package| {
            package.name.as_str() == series.name
                && package.version.to_string() == series.version.to_string()
                && package
                    .source
                    .as_ref()
                    .is_some_and(|source| source.is_git())
        });
        if !is_there {
            bail!("cargo does not take {series} from the repository; nothing was changed");
        }
    }
    Ok(())
}

/// Whether it went well. What is not built for this target may go wrong.
fn unless_unbuilt(
    result: Result<()>,
    graph: &Graph,
    series: &Series,
    version: &Version,
    console: &Console,
) -> Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(_) if graph.find(&series.name, version).is_none() => {
            let what = format!("{} v{version}, which is not built", series.name);
            console.detail("Leaving", what);
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Has the C of the project's crates compiled, where there is any: the
/// variables for it go into the configuration.
fn compile_c(
    project: &Project,
    config: &mut Config,
    options: &Options,
    placement: &Placement,
    home: &Home,
    console: &Console,
) -> Result<()> {
    let graph = Graph::of(project, options.offline, console)?;
    let names: Vec<&str> = graph.with_c().map(|package| &*package.name).collect();
    if names.is_empty() {
        return Ok(());
    }
    let names = names.join(", ");
    if !placement.is_here() {
        console.warn(format!(
            "{names} may have C in them, and where a compiler for it is differs by machine, so \
             none is set: have {CC}, AR_wasm32_wasip2 and CFLAGS_wasm32_wasip2 in the environment \
             of each, or say `--no-c`"
        ));
        return Ok(());
    }
    match Clang::find(home, console)? {
        // Their flags are then theirs, too.
        Clang::Named => {}
        Clang::Here(compiler) => {
            for (name, value) in compiler.variables() {
                config.set_env(name, &value)?;
            }
            config.write()?;
            let program = compiler.program().display();
            console.status("Compiling", format!("the C of {names} with {program}"));
        }
        Clang::Missing(reason) => console.warn(format!(
            "{names} may have C in them, and there is no compiler for it: {reason}; then run this \
             again"
        )),
    }
    Ok(())
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
///
/// Features and platforms that are off count as well: they may be on in the
/// next build. What has no series is of interest only if it is built.
fn plan<'a>(
    project: &Project,
    lock: &Lockfile,
    graph: &Graph,
    all: &'a [Series],
    options: &Options,
    console: &Console,
) -> Result<Vec<(&'a Series, Version)>> {
    let mut uncovered = Vec::new();
    for package in &graph.packages {
        let Package { name, version, .. } = package;
        if all.iter().any(|series| series.name == *name)
            && !options.except.contains(name)
            && serving(all, name, version).is_none()
            && !is_supported(all, name, version)
        {
            uncovered.push((name.clone(), version.clone()));
        }
    }
    let mut refused = Vec::new();
    for (name, version) in uncovered {
        let trouble = uncovered_line(project, graph, all, &name, &version, options, console)?;
        if options.strict && !options.allow.contains(&format!("{name}@{version}")) {
            refused.push(trouble);
        } else {
            console.warn(trouble);
        }
    }
    if !refused.is_empty() {
        bail!(
            "{}\n  without `--strict` the rest would be patched",
            refused.join("\n")
        );
    }
    Ok(covered(lock, all, options).collect())
}

/// The series of what is locked, each with its version there.
fn covered<'a>(
    lock: &Lockfile,
    all: &'a [Series],
    options: &Options,
) -> impl Iterator<Item = (&'a Series, Version)> {
    all.iter()
        .filter(|series| !options.except.contains(&series.name))
        .flat_map(|series| {
            locked(lock, &series.name)
                .into_iter()
                .map(move |version| (series, version))
        })
        .filter(|(series, version)| series.serves(version))
}

/// The series for this version of `name`.
fn serving<'a>(all: &'a [Series], name: &str, version: &Version) -> Option<&'a Series> {
    all.iter()
        .find(|series| series.name == name && series.serves(version))
}

/// Whether this version of `name` needs no series.
fn is_supported(all: &[Series], name: &str, version: &Version) -> bool {
    all.iter()
        .any(|series| series.name == name && series.needless.matches(version))
}

/// What to say of a version that is built, and that no series covers.
fn uncovered_line(
    project: &Project,
    graph: &Graph,
    all: &[Series],
    name: &str,
    version: &Version,
    options: &Options,
    console: &Console,
) -> Result<String> {
    let lines: Vec<&str> = all
        .iter()
        .filter(|series| series.name == name)
        .map(|series| series.line.as_str())
        .collect();
    let package = graph.find(name, version);
    let by = package.map_or_else(String::new, |package| package.pulled_in_by());
    let parents: Vec<String> = package
        .into_iter()
        .flat_map(|package| &package.parents)
        .map(|(name, version)| format!("{name}@{version}"))
        .collect();
    let advice = if removed_by(project, all, name, version, &parents, options, console)? {
        format!("`cargo update {}` removes it", parents.join(" "))
    } else if removed_by(project, all, name, version, &[], options, console)? {
        "a full `cargo update` removes it, which `cargo wasip2 init --update` does first".to_owned()
    } else {
        "no `cargo update` removes it: a newer release of what pulls it in might".to_owned()
    };
    Ok(format!(
        "{name} v{version} ({by}) is of a release line without a series (there are: {}), so it \
         stays as released, and what needs it may not build\n  {advice}",
        lines.join(", ")
    ))
}

/// Whether `cargo update` with these words removes `name@version`, and locks no
/// other version that has no series.
fn removed_by(
    project: &Project,
    all: &[Series],
    name: &str,
    version: &Version,
    words: &[String],
    options: &Options,
    console: &Console,
) -> Result<bool> {
    let update = project.try_update(words, options.offline, console)?;
    let is_served = |added: &String| match added.split_once('@') {
        Some((krate, version)) if krate == name => version.parse().is_ok_and(|version| {
            serving(all, name, &version).is_some() || is_supported(all, name, &version)
        }),
        _ => true,
    };
    Ok(update.removed.contains(&format!("{name}@{version}")) && update.added.iter().all(is_served))
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

/// The runner, as words: this tool's host, or what every machine may have, with
/// the rights that a program has when it runs natively. Whoever wants fewer
/// takes flags away.
fn runner(placement: &Placement, threads: bool) -> Result<Vec<String>> {
    if !placement.is_here() {
        let threads = threads.then_some("-Wcomponent-model-threading");
        let words = [
            "wasmtime",
            "run",
            "-Sinherit-network",
            "-Sallow-ip-name-lookup",
            "-Shttp",
            "-Sinherit-env",
            "--dir=.",
        ];
        return Ok(words
            .into_iter()
            .chain(threads)
            .map(str::to_owned)
            .collect());
    }
    let this = std::env::current_exe().context("this program's own path is not known")?;
    // A bare name would depend on the shell's `PATH`.
    let mut words = vec![this.to_string_lossy().into_owned()];
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

/// Takes everything of ours out of `project` again; gives back whether there
/// was any. On failure the project is as it was.
pub fn remove(project: &Project, offline: bool, console: &Console) -> Result<bool> {
    let _lock = project.lock_directory(console)?;
    let mut config = Config::read(&project.root)?;
    let placement = config.placement();
    if config.remove_ours() == 0 {
        return Ok(false);
    }
    or_as_it_was(project, &config.path, || {
        config.write()?;
        let locked = project.lock(offline, console);
        locked.context("the lock file could not be brought back to the released crates")
    })?;
    if let Placement::Vendored(directory) = placement {
        vendor::remove(&project.root.join(directory), &[], console)?;
    }
    Ok(true)
}

/// Where the overrides of `project` lead.
pub fn placement(project: &Project) -> Result<Placement> {
    Ok(Config::read(&project.root)?.placement())
}

/// The overrides of `project` that are ours, with what they name.
pub fn overrides(project: &Project) -> Result<Vec<(String, Place)>> {
    Ok(Config::read(&project.root)?.overrides())
}

/// The version of WASI that `project` is built for.
pub fn wasi(project: &Project) -> Result<Wasi> {
    Ok(Config::read(&project.root)?.wasi())
}

/// The part of their series that an earlier `init` had the trees go to.
pub fn parts(project: &Project) -> Result<Part> {
    let overridden = Config::read(&project.root)?.overrides();
    let parts = overridden.iter().filter_map(|(_, place)| match place {
        Place::Path(path) => Some(Part::of_directory(&file_name(path))),
        Place::Git { .. } => None,
    });
    // A series that has no parts is as it always is.
    Ok(parts.min().unwrap_or(Part::Local))
}

/// Whether blocking tasks have stacks of their own in `project`.
pub fn has_threads(project: &Project) -> Result<bool> {
    Ok(Config::read(&project.root)?.has_threads())
}

/// Whether the project's configuration sets this environment variable.
pub fn sets_env(project: &Project, name: &str) -> Result<bool> {
    Ok(Config::read(&project.root)?.sets_env(name))
}

/// The configuration that overrides are written to.
pub fn config_path(project: &Project) -> Result<PathBuf> {
    Ok(Config::read(&project.root)?.path)
}
