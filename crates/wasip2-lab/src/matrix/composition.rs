//! Puts a component between others before it runs, as a setting says.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use wasip2_host::{complaint, compose};

use super::cell::{Outcome, Variant};
use super::compile::refuse_full_disk;
use super::found::Found;
use super::guest_cell;
use super::plan::{GuestWork, Setting};
use super::workshop::Workshop;

/// `component` with those of the setting's plugs that stand for something that it
/// imports; nothing where that cannot be had, and `found` says why.
pub fn compose(
    component: PathBuf,
    setting: &Setting,
    workshop: &mut Workshop,
    found: &mut Found,
) -> Result<Option<PathBuf>> {
    if setting.plugs.is_empty() {
        return Ok(Some(component));
    }
    let guests = match workshop.plugs()? {
        Ok(guests) => guests,
        Err(error) => return Ok(not_built(error, found)),
    };
    let inner = read(&component)?;
    let mut plugs = Vec::new();
    for name in &setting.plugs {
        let work = GuestWork::named(name);
        let built = guest_cell::build(
            &work,
            Variant::Patched,
            setting,
            &guests,
            &[],
            workshop,
            found,
        )?;
        let Some(plug) = built else {
            return Ok(None);
        };
        if compose::stands_for_some(&read(&plug)?, &inner) {
            plugs.push(plug);
        }
    }
    if plugs.is_empty() {
        let error = format!(
            "it imports nothing that one of {} stands for",
            setting.plugs.join(", ")
        );
        found.fail(Outcome::Fails, error);
        return Ok(None);
    }
    put_together(&component, &plugs, workshop, found)
}

/// The handler `component` behind the setting's guard; nothing where that cannot
/// be had, and `found` says why.
pub fn guard(
    component: PathBuf,
    setting: &Setting,
    workshop: &mut Workshop,
    found: &mut Found,
) -> Result<Option<PathBuf>> {
    let Some(name) = &setting.guard else {
        return Ok(Some(component));
    };
    let servers = match workshop.servers(setting)? {
        Ok(servers) => servers,
        Err(error) => return Ok(not_built(error, found)),
    };
    let work = GuestWork::named(name);
    let built = guest_cell::build(
        &work,
        Variant::Patched,
        setting,
        &servers,
        &[],
        workshop,
        found,
    )?;
    let Some(guard) = built else {
        return Ok(None);
    };
    put_together(&guard, &[component], workshop, found)
}

/// `component` with these plugs, by this tool itself.
fn put_together(
    component: &Path,
    plugs: &[PathBuf],
    workshop: &Workshop,
    found: &mut Found,
) -> Result<Option<PathBuf>> {
    let output = component.with_extension("composed.wasm");
    let shown = |path: &Path| path.to_string_lossy().into_owned();
    let mut words = vec!["compose".to_owned(), shown(component)];
    for plug in plugs {
        words.push(format!("--plug={}", shown(plug)));
    }
    words.push(format!("--output={}", shown(&output)));
    let ended = workshop.tool(&words, workshop.plan.limits.build, found)?;
    let said = String::from_utf8_lossy(&ended.stderr);
    refuse_full_disk(&said)?;
    if ended.status.is_some_and(|status| status.success()) {
        return Ok(Some(output));
    }
    let error = complaint(&said).unwrap_or("it was not composed in time");
    found.fail(Outcome::Fails, error.to_owned());
    Ok(None)
}

fn not_built(error: String, found: &mut Found) -> Option<PathBuf> {
    found.fail(Outcome::DoesNotBuild, error);
    None
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{} could not be read", path.display()))
}
