//! Builds a guest and runs it in a host.
//!
//! A guest that did its job says so in its last line, `N checks passed`, and
//! ends well. One that only ends well has shown nothing.

use std::path::PathBuf;
use std::time::Duration;
use wasip2_toolchain::libc;

use anyhow::Result;

use super::cell::{Counts, Outcome, Variant};
use super::compile::{self, refuse_full_disk};
use super::composition;
use super::found::Found;
use super::plan::{GuestWork, Setting};
use super::workshop::Workshop;
use crate::services::{self, Service, Start};
use wasip2_ground::Wasi;
use wasip2_ground::child::Ended;
use wasip2_ground::files::write_whole;
use wasip2_host::{End, complaint, first_panic};
use wasip2_series::workspace::{Build, Guests};

/// Does the work of a cell.
pub fn run(
    work: &GuestWork,
    variant: Variant,
    setting: &Setting,
    workshop: &mut Workshop,
) -> Result<Found> {
    let limits = workshop.plan.limits;
    let variables = match workshop.clang(work.clang)? {
        Ok(variables) => variables,
        Err(reason) => return Ok(Found::not_run(reason)),
    };
    let guests = match workshop.guests(variant, setting)? {
        Ok(guests) => guests,
        Err(error) => return Ok(Found::not_built(error)),
    };
    let mut found = Found::new(Outcome::Passes);
    let component = match build(
        work, variant, setting, &guests, &variables, workshop, &mut found,
    )? {
        Some(component) => component,
        None => return Ok(found),
    };
    let Some(component) = composition::compose(component, setting, workshop, &mut found)? else {
        return Ok(found);
    };
    let Some(service) = service(work, workshop, &mut found)? else {
        return Ok(found);
    };
    let limit = work.time_limit.unwrap_or(limits.run);
    let mut words = vec![
        "host".to_owned(),
        format!("--host={}", setting.host),
        format!("--mode={}", setting.mode.word()),
        // The host's own clock, for it starts once the component is compiled.
        format!("--timeout={}s", limit.as_secs_f64()),
    ];
    for rights in [&work.rights, &setting.rights] {
        words.extend(filled_in(rights, service.as_ref()));
    }
    words.push(component.to_string_lossy().into_owned());
    words.extend(filled_in(&work.arguments, service.as_ref()));
    let ended = workshop.tool(&words, limits.build + limit, &mut found)?;
    judge(&ended, limit, &mut found)?;
    Ok(found)
}

/// What the guest talks to, if it does; nothing where that cannot be had, and
/// `found` says so.
pub fn service(
    work: &GuestWork,
    workshop: &Workshop,
    found: &mut Found,
) -> Result<Option<Option<Service>>> {
    let Some(name) = &work.service else {
        return Ok(Some(None));
    };
    match services::start(name, workshop.home, workshop.console)? {
        Start::Running(service) => Ok(Some(Some(service))),
        Start::Missing(reason) => {
            found.outcome = Outcome::NotRun;
            found.reason = Some(reason);
            Ok(None)
        }
    }
}

/// These words, with where the service is in place of its marks.
pub fn filled_in(words: &[String], service: Option<&Service>) -> Vec<String> {
    let fill_in = |word: &String| match service {
        Some(service) => service.fill_in(word),
        None => word.clone(),
    };
    words.iter().map(fill_in).collect()
}

/// Builds the guest; where that fails, `found` says why.
pub fn build(
    work: &GuestWork,
    variant: Variant,
    setting: &Setting,
    guests: &Guests,
    variables: &[(&'static str, String)],
    workshop: &Workshop,
    found: &mut Found,
) -> Result<Option<PathBuf>> {
    let libc = match &setting.libc {
        Some(libc) => Some(libc::libc_directory(libc, workshop.home, workshop.console)?),
        None => None,
    };
    let build = Build {
        libc,
        offline: workshop.series.offline,
        rustflags: match variant {
            Variant::Upstream => work.upstream_rustflags.clone(),
            Variant::Patched => Vec::new(),
        },
        ..Build::default()
    };
    let guest = match guests.find(&work.guest, workshop.console) {
        Ok(guest) => guest,
        Err(error) => {
            found.fail(Outcome::DoesNotBuild, format!("{error:#}"));
            return Ok(None);
        }
    };
    let process = guests.command(&guest, &build).env(
        "CARGO_TARGET_DIR",
        workshop.home.directory(match setting.wasi {
            Wasi::P2 => "matrix/target",
            Wasi::P3 => "matrix/target-0.3",
        })?,
    );
    let process = workshop.variables(process, variables, found);
    workshop.step(&process, guests.root(), found);
    let none = || format!("cargo built no program `{}`", guest.name);
    let limit = workshop.plan.limits.build;
    let compiled = compile::run(process, Some(&guest.name), limit)?;
    match compiled.and_then(|program| program.ok_or_else(none)) {
        Ok(program) => {
            // The other variant's program goes to the same place.
            let kept = workshop
                .home
                .directory("matrix/components")?
                .join(format!("{}-{}-{}.wasm", guest.name, variant, setting.name));
            write_whole(&kept, &std::fs::read(program)?)?;
            Ok(Some(kept))
        }
        Err(error) => {
            found.fail(Outcome::DoesNotBuild, error);
            Ok(None)
        }
    }
}

/// What became of a guest that ended so.
fn judge(ended: &Ended, limit: Duration, found: &mut Found) -> Result<()> {
    let said = String::from_utf8_lossy(&ended.stderr);
    refuse_full_disk(&said)?;
    let printed = String::from_utf8_lossy(&ended.stdout);
    let last = printed.lines().rev().find(|line| !line.trim().is_empty());
    let end = ended
        .status
        .map_or(End::TimeLimit, |status| End::of_process(status, &said));
    match &end {
        End::TimeLimit => {
            let last = last.map_or(String::new(), |last| format!("; its last words: {last}"));
            let error = format!("it had not ended after {} s{last}", limit.as_secs());
            found.fail(Outcome::Hangs, error);
        }
        End::Exit(0) => match checks(&printed) {
            Some(passed) => found.counts = Some(Counts { passed, of: None }),
            None => found.fail(
                Outcome::Fails,
                "it ended well, but its last line is not `N checks passed`".to_owned(),
            ),
        },
        End::Exit(code) => {
            let error = end.reason(&said);
            let error = error.or_else(|| complaint(&said).map(str::to_owned));
            found.fail(
                Outcome::Fails,
                error.unwrap_or_else(|| format!("exit code {code}")),
            );
        }
        End::Trap(reason) => match first_panic(&said) {
            Some(panic) => found.fail(Outcome::Fails, panic),
            None => found.fail(Outcome::Traps, reason.clone()),
        },
    }
    Ok(())
}

/// How many checks passed, as the last line has it.
fn checks(printed: &str) -> Option<u64> {
    let last = printed.lines().rev().find(|line| !line.trim().is_empty())?;
    let count = last.trim().strip_suffix(" checks passed")?;
    count.parse().ok().filter(|count| *count > 0)
}
