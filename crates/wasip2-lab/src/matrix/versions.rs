//! Which release of a crate a row is about.

use std::path::Path;

use cargo_lock::Lockfile;

use super::build_cell::newest;
use super::plan::{Plan, Row, Work};
use crate::suite;
use wasip2_series::Series;

/// The release, where it is known before anything is built.
pub fn of(row: &Row, plan: &Plan, all: &[Series]) -> Option<String> {
    let series = |krate| newest(all, krate).ok();
    match &row.work {
        Work::Build(work) => series(&work.series).map(|series| series.version.to_string()),
        Work::Suite(_) => match series(&row.krate) {
            Some(series) => Some(series.version.to_string()),
            None => suite::release(plan.suites.as_deref()?, &row.krate),
        },
        Work::Guest(work) => locked(plan.guests.as_deref()?, &work.guest, &row.krate),
        Work::Serve(work) => locked(plan.servers.as_deref()?, &work.guest.guest, &row.krate),
    }
}

/// As the guest has it: a workspace may hold several.
fn locked(workspace: &Path, guest: &str, krate: &str) -> Option<String> {
    let lock = Lockfile::load(workspace.join("Cargo.lock")).ok()?;
    let packages = || lock.packages.iter();
    let guest = packages().find(|package| package.name.as_str() == guest);
    let direct = guest.and_then(|guest| {
        let mut dependencies = guest.dependencies.iter();
        dependencies.find(|dependency| dependency.name.as_str() == krate)
    });
    match direct {
        Some(dependency) => Some(dependency.version.to_string()),
        None => packages()
            .find(|package| package.name.as_str() == krate)
            .map(|package| package.version.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::cell::{Outcome, Variant};
    use crate::matrix::plan::Kind;

    /// What the plan expects of the guests. That a run finds the same is what
    /// `cargo wasip2 matrix` is for.
    #[test]
    fn the_readme_shows_the_guests() {
        let root = crate::readme::repository();
        let plan = Plan::read(&root.join("ci/matrix.toml")).unwrap();
        let all = Series::all(&root.join("patches")).unwrap();
        let mut made = String::from(
            "| crate | features | released | patched | where |\n|---|---|---|---|---|\n",
        );
        for row in plan.rows.iter().filter(|row| row.kind == Kind::Run) {
            let settings = plan.settings.iter();
            let run: Vec<_> = settings
                .filter(|setting| setting.kinds.contains(&Kind::Run))
                // What is composed passes where it passes by itself, or the plan
                // says why not.
                .filter(|setting| setting.plugs.is_empty())
                .collect();
            let planned: Vec<_> = run
                .iter()
                .filter(|setting| setting.leaves_out(row, Variant::Patched).is_none())
                .collect();
            let passes: Vec<_> = planned
                .iter()
                .filter(|setting| {
                    plan.expected(row, Variant::Patched, setting).outcome == Outcome::Passes
                })
                .map(|setting| setting.name.as_str())
                .collect();
            let (patched, places) = match passes.len() {
                0 => {
                    let expected = plan.expected(row, Variant::Patched, planned[0]);
                    (expected.outcome, String::new())
                }
                many if many == run.len() => (Outcome::Passes, "all".to_owned()),
                _ => (Outcome::Passes, passes.join(", ")),
            };
            let name = match (row.name.strip_prefix(&row.krate), of(row, &plan, &all)) {
                // `reqwest 0.13`: the release says more.
                (Some(rest), Some(version)) if rest.trim_start().starts_with(char::is_numeric) => {
                    format!("{} {version}", row.krate)
                }
                (Some(rest), Some(version)) => format!("{} {version}{rest}", row.krate),
                (_, Some(version)) => format!("{} ({} {version})", row.name, row.krate),
                (_, None) => panic!("no release of {} is locked", row.krate),
            };
            made.push_str(&format!(
                "| {name} | {} | {} | {patched} | {places} |\n",
                row.features,
                plan.expected(row, Variant::Upstream, run[0]).outcome,
            ));
        }
        crate::readme::shows("guests", &made);
    }
}
