//! All runs, in an order in which a busy moment of the machine does every
//! variant the same wrong.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use wasip2_fixtures::{HttpServer, router};

use super::build::Programs;
use super::cases::{Compare, Crates, Load, Place, Point, Variant};
use super::measure::{self, Sample};
use super::results::{CaseResults, Measured, Outcome, PointResults, VariantOutcome};
use super::running::{Host, Launch, Role};
use wasip2_ground::Console;
use wasip2_ground::Wasi;
use wasip2_host::{Kind, Mode};

/// How long a component runs for the sake of being compiled, in seconds.
const COMPILE: f64 = 0.01;

/// How runs are made.
#[derive(Debug)]
pub struct Plan<'a> {
    pub points: &'a [Point],
    pub variants: &'a [&'static Variant],
    pub programs: &'a Programs,
    pub rounds: u32,
    /// How long one run is.
    pub seconds: f64,
    /// The tool, which runs the host; and how its functions wait.
    pub tool: PathBuf,
    pub host: Kind,
    pub mode: Mode,
}

/// What a variant has done at a point so far.
struct Progress {
    variant: &'static Variant,
    launch: Option<Launch>,
    samples: Vec<Sample>,
    failed: Option<String>,
}

/// At how many addresses the server listens, each on a thread of its own, so
/// that the server is not what is measured.
///
/// A connection that was closed keeps its port for a minute, towards an address,
/// and a client that makes one for each request uses all ports of one address up
/// within seconds: then its system looks for one that is free, and it does not
/// matter any more how fast it is.
const ADDRESSES: u8 = 32;

/// Makes all runs, and shows each case by `show` when it is complete.
pub fn run(
    plan: &Plan,
    console: &Console,
    show: impl Fn(&CaseResults),
) -> Result<Vec<CaseResults>> {
    let server =
        HttpServer::start_at(router(), ADDRESSES).context("the HTTP server could not start")?;
    let mut cases: Vec<CaseResults> = Vec::new();
    let mut compiled = BTreeSet::new();
    for (index, point) in plan.points.iter().enumerate() {
        if cases.last().is_none_or(|case| case.name != point.case.name) {
            cases.push(CaseResults::of(point.case));
        }
        compile(point, plan, &server, &mut compiled);
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

/// Has the host compile the components of this point that it has not seen, so
/// that no run's memory is the compiler's.
fn compile(
    point: &Point,
    plan: &Plan,
    server: &HttpServer,
    compiled: &mut BTreeSet<(&'static str, String)>,
) {
    for variant in plan.variants {
        let key = point
            .program(variant)
            .map(|program| (variant.name.as_str(), program));
        if let (Some(key), Some(launch)) = (key, Progress::of(point, variant, plan).launch)
            && launch.host.is_some()
            && compiled.insert(key)
        {
            // If it fails, so will the first round, which tells why.
            let _ = measure::run(point, &launch, server, COMPILE);
        }
    }
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
                outcome: progress.outcome(native.as_deref(), point.case.compare),
            })
            .collect(),
    }
}

impl Progress {
    fn of(point: &Point, variant: &'static Variant, plan: &Plan) -> Progress {
        let built = point
            .program(variant)
            .and_then(|program| plan.programs.get(&(variant.name.as_str(), program)));
        let (behind, not_built) = behind(point, variant, plan);
        Progress {
            variant,
            launch: built.and_then(|built| {
                let program = built.as_ref().ok()?.clone();
                let role = match point.case.load {
                    Load::Handler { reuse, .. } => Role::Serve {
                        reuse: match (variant.wasi, reuse || variant.reused) {
                            (Wasi::P3, _) => None,
                            (Wasi::P2, true) => Some(u64::MAX),
                            (Wasi::P2, false) => Some(1),
                        },
                    },
                    _ => Role::Run { mode: plan.mode },
                };
                let host = (variant.crates != Crates::Native).then(|| Host {
                    tool: plan.tool.clone(),
                    kind: match variant.host {
                        Kind::Builtin => plan.host,
                        other => other,
                    },
                    role,
                    interruptible: variant.interruptible,
                });
                Some(Launch {
                    program,
                    host,
                    environment: Vec::new(),
                    place: variant.behind,
                    behind,
                })
            }),
            samples: Vec::new(),
            failed: built
                .and_then(|built| built.as_ref().err().cloned())
                .or(not_built),
        }
    }

    fn outcome(self, native: Option<&[Sample]>, compare: Compare) -> Outcome {
        if let Some(reason) = self.failed {
            return Outcome::Failed { reason };
        }
        match Measured::of(self.samples, native, compare) {
            Some(measured) => Outcome::Measured(Box::new(measured)),
            None => Outcome::Absent,
        }
    }
}

/// What stands behind the program of `variant`: the names of the hosts, and the
/// programs; and why one of those is not there.
fn behind(
    point: &Point,
    variant: &Variant,
    plan: &Plan,
) -> (Vec<(String, PathBuf)>, Option<String>) {
    let mut programs = Vec::new();
    if variant.behind == Place::Nowhere || point.program(variant).is_none() {
        return (programs, None);
    }
    for behind in &point.case.behind {
        let key = (variant.name.as_str(), behind.program.clone());
        match plan.programs.get(&key) {
            Some(Ok(program)) => programs.push((behind.host.clone(), program.clone())),
            Some(Err(reason)) => return (programs, Some(reason.clone())),
            None => return (programs, Some(format!("{} was not built", behind.program))),
        }
    }
    (programs, None)
}

/// The load average over a minute, where the system tells.
pub fn load_average() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}
