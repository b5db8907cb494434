//! What a benchmark gave, as `bench.json` has it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::cases::{Case, Compare, Variant};
use super::measure::Sample;

/// The whole of `bench.json`.
#[derive(Debug, Serialize)]
pub struct Results {
    /// Changes when the meaning of a field does.
    pub format: u32,
    /// This tool's version.
    pub tool: &'static str,
    pub machine: Machine,
    pub options: Options,
    pub variants: Vec<VariantNamed>,
    /// Bytes of each program, by variant and name; for one that did not build,
    /// why.
    pub programs: BTreeMap<&'static str, BTreeMap<String, Size>>,
    pub cases: Vec<CaseResults>,
}

/// What it ran on.
#[derive(Debug, Serialize)]
pub struct Machine {
    pub os: &'static str,
    pub architecture: &'static str,
    /// How many threads it runs at once.
    pub cpus: usize,
    /// What the compiler says of itself.
    pub rustc: String,
    /// The load average over a minute, before and after, where the system
    /// tells: what is above 1 before is somebody else's work.
    pub load_before: Option<f64>,
    pub load_after: Option<f64>,
}

/// How it ran.
#[derive(Debug, Serialize)]
pub struct Options {
    /// Runs of every variant at every point.
    pub rounds: u32,
    /// How long each of them was, in seconds, after a warm-up of a tenth.
    pub seconds: f64,
    /// How the host's functions waited: `async` or `sync`.
    pub mode: &'static str,
    /// What ran the components, where the variant does not say it.
    pub host: String,
    /// The wasi-libc of every component.
    pub libc: &'static str,
    /// Whether host, load generator and programs were optimised; figures of a
    /// run without say nothing.
    pub optimised: bool,
}

/// A variant, with a word on what it is.
#[derive(Debug, Serialize)]
pub struct VariantNamed {
    pub name: &'static str,
    pub label: &'static str,
}

/// The size of a program.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Size {
    Bytes(u64),
    Failed(String),
}

/// A case at all values.
#[derive(Debug, Serialize)]
pub struct CaseResults {
    pub name: &'static str,
    pub title: &'static str,
    pub operation: &'static str,
    pub axis: &'static str,
    /// What a ratio to native is of.
    pub compare: Compare,
    pub points: Vec<PointResults>,
}

/// A case at one value.
#[derive(Debug, Serialize)]
pub struct PointResults {
    pub value: u32,
    /// The load average over a minute when this point began.
    pub load_average: Option<f64>,
    /// By variant, in the order of the variants.
    pub outcomes: Vec<VariantOutcome>,
}

/// What a variant did at a point.
#[derive(Debug, Serialize)]
pub struct VariantOutcome {
    pub variant: &'static str,
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What became of a variant at a point.
#[derive(Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum Outcome {
    /// It did the work in every round.
    Measured(Box<Measured>),
    /// It did not build, or failed in one round at least.
    Failed { reason: String },
    /// It has no program for this.
    Absent,
}

/// All rounds of a variant at a point.
#[derive(Debug, Serialize)]
pub struct Measured {
    /// Operations a second.
    pub rate: Spread,
    pub p50_us: Spread,
    pub p90_us: Spread,
    pub p99_us: Spread,
    /// Operations a second of connections beside those that are measured.
    pub beside: Option<Spread>,
    /// Calls of `poll` for one operation.
    pub polls: Option<Spread>,
    /// Calls of `block` for one operation.
    pub blocks: Option<Spread>,
    /// The process's peak, in bytes.
    pub memory: Option<Spread>,
    /// How long the process computed for one operation, in microseconds.
    pub cpu_us: Option<Spread>,
    /// The rate as a multiple of native's in the same round, or how much
    /// shorter the median latency was: as the case's `compare` says.
    pub to_native: Option<Spread>,
    /// The rounds, in their order.
    pub samples: Vec<Sample>,
}

/// The median of some rounds, and how far they lie apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Spread {
    /// Of these values; none of none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (&min, &max) = (values.first()?, values.last()?);
        let middle = values.len() / 2;
        let median = match values.len() % 2 {
            0 => (values[middle - 1] + values[middle]) / 2.0,
            _ => values[middle],
        };
        Some(Spread { median, min, max })
    }
}

impl Measured {
    /// Sums up `samples`, beside those of native. `None` where there are none.
    pub fn of(
        samples: Vec<Sample>,
        native: Option<&[Sample]>,
        compare: Compare,
    ) -> Option<Measured> {
        let of = |field: fn(&Sample) -> f64| Spread::of(samples.iter().map(field));
        let maybe =
            |field: fn(&Sample) -> Option<f64>| Spread::of(samples.iter().filter_map(field));
        Some(Measured {
            rate: of(|sample| sample.rate)?,
            p50_us: of(|sample| sample.p50_us)?,
            p90_us: of(|sample| sample.p90_us)?,
            p99_us: of(|sample| sample.p99_us)?,
            beside: maybe(|sample| sample.beside),
            polls: maybe(|sample| sample.polls),
            blocks: maybe(|sample| sample.blocks),
            memory: maybe(|sample| sample.memory.map(|bytes| bytes as f64)),
            cpu_us: maybe(|sample| sample.cpu_us),
            to_native: native.and_then(|native| {
                // Round by round: what slows the machine down slows both.
                let pairs = samples.iter().zip(native);
                Spread::of(pairs.map(|(one, native)| match compare {
                    Compare::Rate => one.rate / native.rate,
                    Compare::Latency => native.p50_us / one.p50_us,
                }))
            }),
            samples,
        })
    }
}

impl CaseResults {
    /// The case without results.
    pub fn of(case: &'static Case) -> CaseResults {
        CaseResults {
            name: &case.name,
            title: &case.title,
            operation: &case.operation,
            axis: &case.axis,
            compare: case.compare,
            points: Vec::new(),
        }
    }
}

impl From<&&'static Variant> for VariantNamed {
    fn from(variant: &&'static Variant) -> VariantNamed {
        VariantNamed {
            name: &variant.name,
            label: &variant.label,
        }
    }
}

impl Results {
    /// How many times a variant failed at a point.
    pub fn failures(&self) -> usize {
        self.cases
            .iter()
            .flat_map(|case| &case.points)
            .flat_map(|point| &point.outcomes)
            .filter(|one| matches!(one.outcome, Outcome::Failed { .. }))
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_the_middle_and_both_ends() {
        let spread = Spread::of([3.0, 1.0, 2.0]).unwrap();
        assert_eq!((spread.median, spread.min, spread.max), (2.0, 1.0, 3.0));
        assert_eq!(Spread::of([1.0, 4.0]).unwrap().median, 2.5);
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let sample = |rate: f64| Sample {
            operations: 1,
            seconds: 1.0,
            rate,
            p50_us: 1.0,
            p90_us: 1.0,
            p99_us: 1.0,
            polls: None,
            pollables: None,
            blocks: None,
            memory: None,
            cpu_us: None,
            load_busy: None,
            beside: None,
        };
        // The machine was busy in the second round.
        let native = [sample(100.0), sample(10.0), sample(100.0)];
        let measured = Measured::of(
            vec![sample(50.0), sample(5.0), sample(40.0)],
            Some(&native),
            Compare::Rate,
        )
        .unwrap();
        let ratio = measured.to_native.unwrap();
        assert_eq!((ratio.median, ratio.min, ratio.max), (0.5, 0.4, 0.5));
        assert_eq!(measured.rate.median, 40.0);
    }
}
