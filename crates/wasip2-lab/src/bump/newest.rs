//! The newest release of a crate, as cargo resolves it: mirrors, offline mode
//! and yanked releases are cargo's to know.

use std::fs;

use anyhow::{Context, Result, bail};
use semver::Version;
use serde::Serialize;

use wasip2_ground::cargo::cargo;
use wasip2_ground::files::write_whole;
use wasip2_ground::process::quoted_tail;
use wasip2_ground::{Console, Home, Process};
use wasip2_series::project::locked;
use wasip2_series::{Network, Series};

/// The newest releases that there are.
#[derive(Clone, Debug)]
pub struct Newest {
    /// Of those that a program which has the series' release could use.
    pub compatible: Version,
    /// Of all.
    pub any: Version,
}

/// How a series compares to upstream.
#[derive(Serialize)]
struct Compared<'a> {
    #[serde(rename = "crate")]
    name: &'a str,
    line: &'a str,
    version: &'a Version,
    newest_compatible: Version,
    newest: Version,
    lags: bool,
}

/// Says which series lag behind; gives back whether none does.
pub fn compare(
    all: &[Series],
    network: Network,
    json: bool,
    home: &Home,
    console: &Console,
) -> Result<bool> {
    let mut compared = Vec::new();
    for series in all {
        let newest = of(series, network, home, console)?;
        // Another line's release is that line's series' concern.
        let unserved = !all
            .iter()
            .any(|other| other.name == series.name && other.serves(&newest.any));
        let lags = newest.compatible > series.version || unserved;
        match (lags, unserved) {
            (false, _) => console.status("Newest", series),
            (true, false) => console.warn(format!(
                "{series} lags behind {}: `cargo wasip2 bump {}@{}`",
                newest.compatible, series.name, series.line
            )),
            (true, true) => console.warn(format!(
                "{series} lags behind {}, which is incompatible: `cargo wasip2 bump {}@{} {}`",
                newest.any, series.name, series.line, newest.any
            )),
        }
        compared.push(Compared {
            name: &series.name,
            line: &series.line,
            version: &series.version,
            newest_compatible: newest.compatible,
            newest: newest.any,
            lags,
        });
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&compared)?);
    }
    Ok(compared.iter().all(|compared| !compared.lags))
}

/// The newest releases of the crate that `series` is for.
pub fn of(series: &Series, network: Network, home: &Home, console: &Console) -> Result<Newest> {
    let name = format!("{}-newest", series.directory_name());
    let _lock = home.lock(&name, console)?;
    let stub = home.directory("fetch")?.join(name);
    write_whole(&stub.join("src/lib.rs"), b"")?;
    let dependency = |name: &str, requirement: &str| {
        format!(
            "{name} = {{ package = \"{}\", version = \"{requirement}{}\", default-features = \
             false }}\n",
            series.name, series.version
        )
    };
    write_whole(
        &stub.join("Cargo.toml"),
        format!(
            "[package]\nname = \"newest\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [dependencies]\n{}{}\n[workspace]\n",
            dependency("compatible", "^"),
            dependency("any", ">=")
        )
        .as_bytes(),
    )?;
    // What was newest some time ago does not count.
    let lock = stub.join("Cargo.lock");
    if lock.exists() {
        fs::remove_file(&lock)?;
    }
    let mut process = Process::new(cargo())
        .current_dir(&stub)
        .arg("generate-lockfile")
        // A release that wants a newer compiler is a release all the same.
        .env("CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS", "allow");
    if network.offline {
        process = process.arg("--offline");
    }
    let output = process.output(console)?;
    if !output.status.success() {
        bail!(
            "cargo found no release of {} from {} on{}\n  a release that was yanked does not \
             count; else check the network and cargo's `[source]` settings",
            series.name,
            series.version,
            quoted_tail(&output.stderr, 12)
        );
    }
    let lock = cargo_lock::Lockfile::load(&lock)
        .context("the lock file that cargo wrote could not be read")?;
    let versions = locked(&lock, &series.name);
    let compatible = versions
        .iter()
        .filter(|version| series.serves(version))
        .max();
    Ok(Newest {
        compatible: compatible.unwrap_or(&series.version).clone(),
        any: versions
            .iter()
            .max()
            .with_context(|| format!("cargo's lock file does not hold {}", series.name))?
            .clone(),
    })
}
