//! Which release of a crate a row is about.

use cargo_lock::Lockfile;

use super::build_cell::newest;
use super::plan::{Plan, Row, Work};
use crate::series::Series;
use crate::suite;

/// The release, where it is known before anything is built.
pub fn of(row: &Row, plan: &Plan, all: &[Series]) -> Option<String> {
    let series = || newest(all, &row.krate).ok();
    match &row.work {
        Work::Build(_) => series().map(|series| series.version.to_string()),
        Work::Suite(_) => match series() {
            Some(series) => Some(series.version.to_string()),
            None => suite::release(plan.suites.as_deref()?, &row.krate),
        },
        Work::Guest(work) => {
            // As the guest has it: a workspace may hold several.
            let lock = Lockfile::load(plan.guests.as_deref()?.join("Cargo.lock")).ok()?;
            let packages = || lock.packages.iter();
            let guest = packages().find(|package| package.name.as_str() == work.guest);
            let direct = guest.and_then(|guest| {
                let mut dependencies = guest.dependencies.iter();
                dependencies.find(|dependency| dependency.name.as_str() == row.krate)
            });
            match direct {
                Some(dependency) => Some(dependency.version.to_string()),
                None => packages()
                    .find(|package| package.name.as_str() == row.krate)
                    .map(|package| package.version.to_string()),
            }
        }
    }
}
