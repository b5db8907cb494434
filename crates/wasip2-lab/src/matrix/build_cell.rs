//! Compiles a crate with one combination of its features, as a project that
//! depends on it would.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::cell::{Outcome, Variant};
use super::compile;
use super::found::Found;
use super::plan::{BuildWork, Row, Setting};
use super::workshop::Workshop;
use wasip2_ground::cargo::cargo;
use wasip2_ground::files::write_whole;
use wasip2_ground::{Process, TARGET};
use wasip2_series::{Series, Staging, tree};

/// Does the work of a cell.
pub fn run(
    row: &Row,
    work: &BuildWork,
    variant: Variant,
    setting: &Setting,
    workshop: &mut Workshop,
) -> Result<Found> {
    let variables = match workshop.clang(work.clang && !setting.native)? {
        Ok(variables) => variables,
        Err(reason) => return Ok(Found::not_run(reason)),
    };
    let project = match project(work, variant, workshop)? {
        Ok(project) => project,
        Err(error) => return Ok(Found::not_built(error)),
    };
    let mut found = Found::new(Outcome::Passes);
    let mut process = Process::new(cargo())
        .current_dir(&project)
        // The project's own `default` is the crate's.
        .args(["check", "--message-format=json", "--no-default-features"])
        .env_remove("CARGO_BUILD_TARGET")
        .env(
            "CARGO_TARGET_DIR",
            workshop.home.directory("matrix/check-target")?,
        );
    if !work.features.is_empty() {
        let features: Vec<String> = work
            .features
            .iter()
            .map(|feature| format!("{}/{feature}", row.krate))
            .collect();
        process = process.args(["--features", &features.join(",")]);
    }
    if !setting.native {
        process = process.args(["--target", TARGET]);
    }
    if workshop.series.offline {
        process = process.arg("--offline");
    }
    process = workshop.variables(process, &variables, &mut found);
    workshop.step(&process, &project, &mut found);
    if let Err(error) = compile::run(process, None, workshop.plan.limits.build)? {
        found.fail(Outcome::DoesNotBuild, error);
    }
    Ok(found)
}

/// The project that depends on the crate, made once; or why there is none.
fn project(
    work: &BuildWork,
    variant: Variant,
    workshop: &mut Workshop,
) -> Result<Result<PathBuf, String>> {
    let key = (work.series.clone(), variant);
    if let Some(project) = workshop.projects.get(&key) {
        return Ok(project.clone());
    }
    let series = newest(workshop.all_series, &work.series)?;
    let made = compile::or_reason(make(series, variant, workshop))?;
    workshop.projects.insert(key, made.clone());
    Ok(made)
}

/// The series of a crate whose features are tried: that of its newest release,
/// or of the line that `krate` names.
pub fn newest<'a>(all: &'a [Series], krate: &str) -> Result<&'a Series> {
    let (name, line) = match krate.split_once('@') {
        Some((name, line)) => (name, Some(line)),
        None => (krate, None),
    };
    all.iter()
        .filter(|series| series.name == name && line.is_none_or(|line| series.line == line))
        .max_by(|one, other| one.version.cmp(&other.version))
        .with_context(|| {
            format!("the plan has the features of `{krate}` tried, which has no series")
        })
}

/// The features of the crate in `directory`, `default` beside them.
pub fn features(directory: &Path) -> Result<Vec<String>> {
    let path = directory.join("Cargo.toml");
    let text = fs::read_to_string(&path)
        .with_context(|| format!("{} could not be read", path.display()))?;
    let manifest: toml::Table = text
        .parse()
        .with_context(|| format!("{} is not right", path.display()))?;
    Ok(manifest
        .get("features")
        .and_then(toml::Value::as_table)
        .map(|features| features.keys().cloned().collect())
        .unwrap_or_default())
}

fn make(series: &Series, variant: Variant, workshop: &Workshop) -> Result<PathBuf> {
    let (arguments, home, console) = (workshop.series, workshop.home, workshop.console);
    let network = arguments.network();
    let (source, all) = match variant {
        Variant::Upstream => {
            let released = series.release().fetch(network, home, console)?;
            (released.directory, &[][..])
        }
        Variant::Patched => (
            tree::make(series, network, false, home, console)?,
            workshop.all_series,
        ),
    };
    let name = &series.name;
    let mut manifest = format!(
        "# Made by `cargo wasip2 matrix`.\n[package]\nname = \"features-of-{name}\"\nversion = \
         \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n{name} = {{ version = \"={}\", \
         default-features = false }}\n\n[workspace]\n\n# So that what any feature needs is \
         locked, and overridden.\n[features]\n",
        series.version
    );
    for feature in features(&source)? {
        manifest.push_str(&format!("{feature:?} = [\"{name}/{feature}\"]\n"));
    }
    let root = home.directory(format!(
        "matrix/check/{}-{variant}",
        series.directory_name()
    ))?;
    let library = root.join("src/lib.rs");
    if !library.exists() {
        write_whole(&library, b"")?;
    }
    let staging = Staging {
        root,
        manifest: Some(manifest),
        series: all,
        ..Staging::default()
    };
    Ok(staging.initialise(arguments, home, console)?.root)
}
