//! What the check has found.

use serde::Serialize;

use super::exceptions::Excused;
use super::size::{self, MEDIAN_TOUCHED, Size};
use wasip2_ground::Console;
use wasip2_series::Series;

/// Everything that was found.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Each patch, in the order of the series.
    pub patches: Vec<Checked>,
    /// The median of the existing lines that a patch touches.
    pub median_touched: usize,
    /// What the public interface loses on purpose.
    pub excused: Vec<Excused>,
    /// What is wrong with no single patch.
    pub general: Vec<String>,
}

/// What was found in one patch.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// Its series: crate and release.
    pub series: String,
    /// Its file's name.
    pub patch: String,
    /// The gaps that it closes.
    pub gaps: Vec<String>,
    /// How large it is.
    #[serde(flatten)]
    pub size: Size,
    /// What is wrong with it.
    pub faults: Vec<String>,
}

impl Report {
    /// Judges what concerns all patches together.
    pub fn judge(&mut self) {
        self.median_touched = size::median_touched(self.patches.iter().map(|patch| patch.size));
        if self.median_touched >= MEDIAN_TOUCHED {
            self.general.push(format!(
                "the median patch changes {} existing lines; fewer than {MEDIAN_TOUCHED} are wanted",
                self.median_touched
            ));
        }
    }

    /// Adds a fault of one patch.
    pub fn blame(&mut self, series: &Series, patch: &str, fault: String) {
        let series = series.to_string();
        let checked = self
            .patches
            .iter_mut()
            .find(|checked| checked.series == series && checked.patch == patch);
        match checked {
            Some(checked) => checked.faults.push(fault),
            None => self.general.push(format!("{series} {patch}: {fault}")),
        }
    }

    /// How many faults there are.
    pub fn faults(&self) -> usize {
        let of_patches: usize = self.patches.iter().map(|patch| patch.faults.len()).sum();
        of_patches + self.general.len()
    }

    /// Says it to a person.
    pub fn show(&self, console: &Console) {
        for checked in &self.patches {
            let Size {
                touched,
                added,
                added_to_existing,
            } = checked.size;
            console.status(
                "Checked",
                format!(
                    "{} {}: {touched} lines changed, {added} added ({added_to_existing} to \
                     existing files)",
                    checked.series, checked.patch
                ),
            );
            for fault in &checked.faults {
                console.error(format!("{} {}: {fault}", checked.series, checked.patch));
            }
        }
        // What has the same reason stands below it.
        for group in self.excused.chunk_by(|one, other| one.shares_reason(other)) {
            let Excused {
                series,
                target,
                reason,
                ..
            } = &group[0];
            let listed: String = group
                .iter()
                .map(|excused| format!("\n  {}", excused.lost))
                .collect();
            console.status(
                "Excused",
                format!("{series} for {target}: {reason}{listed}"),
            );
        }
        for fault in &self.general {
            console.error(fault);
        }
        console.status(
            "Finished",
            format!(
                "{} patches, {} faults; the median patch changes {} existing lines",
                self.patches.len(),
                self.faults(),
                self.median_touched
            ),
        );
    }
}
