//! All runs, in an order in which a busy moment of the machine does every
//! variant the same wrong.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use wasip2_fixtures::{HttpServer, router};

use super::build::Programs;
use super::cases::{Crates, Point, Variant};
use super::measure::{self, Sample};
use super::results::{CaseResults, Measured, Outcome, PointResults, VariantOutcome};
use super::running::Launch;
use crate::console::Console;
use crate::host::Mode;

/// How runs are made.
#[derive(Debug)]
pub struct Plan<'a> {
    pub points: &'a [Point],
    pub variants: &'a [&'static Variant],
    pub programs: &'a Programs,
    pub rounds: u32,
    /// How long one run is.
    pub seconds: f64,
    /// The host, and how its functions wait.
    pub host: PathBuf,
    pub mode: Mode,
}

/// What a variant has done at a point so far.
struct Progress {
    variant: &'static Variant,
    launch: Option<Launch>,
    samples: Vec<Sample>,
    failed: Option<String>,
}

/// Makes all runs, and shows each case by `show` when it is complete.
pub fn run(
    plan: &Plan,
    console: &Console,
    show: impl Fn(&CaseResults),
) -> Result<Vec<CaseResults>> {
    let server = HttpServer::start(router()).context("the HTTP server could not start")?;
    let mut cases: Vec<CaseResults> = Vec::new();
    for (index, point) in plan.points.iter().enumerate() {
        if cases.last().is_none_or(|case| case.name != point.case.name) {
            cases.push(CaseResults::of(point.case));
        }
        let results = at(point, plan, &server, console);
        let case = cases.last_mut().expect("one was pushed");
        case.points.push(results);
        let next = plan.points.get(index + 1);
        if next.is_none_or(|next| next.case.name != point.case.name) {
            show(case);
        }
    }
    Ok(cases)
}

/// Makes all runs at one point: every variant once, then every variant again.
fn at(point: &Point, plan: &Plan, server: &HttpServer, console: &Console) -> PointResults {
    let load_average = load_average();
    let mut all: Vec<Progress> = plan
        .variants
        .iter()
        .map(|variant| Progress::of(point, variant, plan))
        .collect();
    let spinner = console.spinner("Measuring", point.name());
    for round in 1..=plan.rounds {
        for progress in &mut all {
            let (Some(launch), None) = (&progress.launch, &progress.failed) else {
                continue;
            };
            spinner.set_message(format!(
                "{} round {round} of {}: {}",
                point.name(),
                plan.rounds,
                progress.variant.label
            ));
            match measure::run(point, launch, server, plan.seconds) {
                Ok(sample) => progress.samples.push(sample),
                Err(error) => {
                    let reason = format!("in round {round}: {error:#}");
                    console.detail(
                        "Failed",
                        format!("{} ({}) {reason}", point.name(), progress.variant.name),
                    );
                    progress.failed = Some(reason);
                }
            }
            // What it left behind, such as closed connections, is the
            // system's work for a moment more.
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    spinner.finish_and_clear();
    let native: Option<Vec<Sample>> = all
        .iter()
        .find(|progress| progress.variant.crates == Crates::Native && progress.failed.is_none())
        .map(|progress| progress.samples.clone());
    PointResults {
        value: point.value,
        load_average,
        outcomes: all
            .into_iter()
            .map(|progress| VariantOutcome {
                variant: &progress.variant.name,
                outcome: progress.outcome(native.as_deref()),
            })
            .collect(),
    }
}

impl Progress {
    fn of(point: &Point, variant: &'static Variant, plan: &Plan) -> Progress {
        let built = point
            .case
            .program(variant)
            .and_then(|program| plan.programs.get(&(variant.name.as_str(), program)));
        Progress {
            variant,
            launch: built.and_then(|built| {
                let program = built.as_ref().ok()?.clone();
                let host =
                    (variant.crates != Crates::Native).then(|| (plan.host.clone(), plan.mode));
                Some(Launch { program, host })
            }),
            samples: Vec::new(),
            failed: built.and_then(|built| built.as_ref().err().cloned()),
        }
    }

    fn outcome(self, native: Option<&[Sample]>) -> Outcome {
        if let Some(reason) = self.failed {
            return Outcome::Failed { reason };
        }
        match Measured::of(self.samples, native) {
            Some(measured) => Outcome::Measured(Box::new(measured)),
            None => Outcome::Absent,
        }
    }
}

/// The load average over a minute, where the system tells.
pub fn load_average() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}
