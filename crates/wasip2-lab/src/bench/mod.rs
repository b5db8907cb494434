//! `cargo wasip2 bench`: native Linux, our patched crates, the released ones
//! and their peers, side by side in one run.
//!
//! The contract: every number is the median of rounds in which the variants
//! took turns, and stands beside its spread; a variant that fails in one round
//! is shown as failed, with the reason and without a number. Each stage has a
//! module and touches no other's work: [`cases`] says what to measure,
//! [`build`] makes the programs, [`rounds`] runs them ([`measure`] once,
//! [`load`] at their other end), [`results`] sums up, [`report`] shows.

mod build;
mod cases;
mod load;
mod measure;
mod report;
mod results;
mod rounds;
mod running;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};

use cases::DATA;
use results::{Machine, Options, Results, Size};

use crate::checkout::Checkout;
use wasip2_ground::cargo::rustc_version;
use wasip2_ground::files::write_whole;
use wasip2_ground::{Console, Home};
use wasip2_host::{Kind, Mode};
use wasip2_series::SeriesArgs;

/// Compare native Linux, the patched crates, the released ones and peers.
///
/// Builds everything that it measures, and this tool with optimisation, then
/// lets the variants take turns. Shows a table, and writes `bench.json` and
/// `bench.html`, a page with plots. On a machine that does other work look at
/// the ratios: each is taken between two runs that followed each other.
#[derive(Args, Debug)]
pub struct BenchArgs {
    /// Cases to measure, such as `axum-hello` or `tcp-echo/1000`; all by
    /// default
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Leave out all variants but these
    #[arg(long, value_name = "VARIANT", value_delimiter = ',')]
    variants: Vec<String>,
    /// Where `bench.json` and `bench.html` go
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// One short round, to see that everything works
    #[arg(long, conflicts_with_all = ["rounds", "seconds"])]
    quick: bool,
    /// How often every variant has its turn
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How long one run is, after a warm-up of a tenth
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = seconds)]
    seconds: f64,
    /// How the host's WASI functions wait
    #[arg(long, value_enum, default_value_t = Mode::Async)]
    mode: Mode,
    /// Which host runs the components, but for variants that are about one
    #[arg(long, value_enum, value_name = "HOST", default_value_t = Kind::Builtin)]
    host: Kind,
    /// Print what `bench.json` holds
    #[arg(long)]
    json: bool,
    /// Show the cases and end
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    pub series: SeriesArgs,
    /// With `dev`, nothing is optimised and no figure means anything: for the
    /// tests of this repository
    #[arg(long, value_enum, default_value_t = Profile::Release, hide = true)]
    profile: Profile,
}

/// How host and programs are built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Profile {
    Release,
    Dev,
}

/// What `--quick` takes for one run.
const QUICK: f64 = 0.2;

/// Runs the verb; gives back the exit code.
pub fn run(arguments: &BenchArgs, home: &Home, console: &Console) -> Result<u8> {
    let points = cases::points(&arguments.names)?;
    let variants = cases::variants(&arguments.variants)?;
    if arguments.list {
        for case in &DATA.cases {
            println!("{:<14} {}", case.name, case.title);
        }
        return Ok(0);
    }
    let checkout = Checkout::find(home)?;
    // wasmtime's linker is generic code that is compiled into this program,
    // and so is the load generator.
    ensure!(
        arguments.profile == Profile::Dev || !cfg!(debug_assertions),
        "this program was built without optimisation, which halves every figure: run `cargo \
         wasip2 bench`, which builds it with"
    );
    wasip2_toolchain::ensure(home, console)?;
    running::end_with_this_process()?;
    let (rounds, seconds) = match arguments.quick {
        true => (1, QUICK),
        false => (arguments.rounds, arguments.seconds),
    };
    let out = match &arguments.out {
        Some(out) => std::path::absolute(out)?,
        None => home.directory("bench/report")?,
    };
    // Before an hour's work, not after.
    std::fs::create_dir_all(&out)
        .with_context(|| format!("the directory {} could not be made", out.display()))?;

    let release = arguments.profile == Profile::Release;
    let programs = build::all(
        &points,
        &variants,
        release,
        &checkout,
        &arguments.series,
        home,
        console,
    )?;
    let mut sizes: BTreeMap<&str, BTreeMap<String, Size>> = BTreeMap::new();
    for ((variant, program), built) in &programs {
        let size = match (build::size(built), built) {
            (Some(bytes), _) => Size::Bytes(bytes),
            (None, Err(reason)) => Size::Failed(reason.clone()),
            (None, Ok(path)) => bail!("{} is there no more", path.display()),
        };
        let of_variant = sizes.entry(variant).or_default();
        of_variant.insert(program.clone(), size);
    }

    let runs: usize = points
        .iter()
        .map(|point| {
            let able = |variant: &&&cases::Variant| point.program(variant).is_some();
            variants.iter().filter(able).count()
        })
        .sum();
    let about = Duration::from_secs_f64((runs * rounds as usize) as f64 * (seconds * 1.1 + 0.3));
    console.status(
        "Measuring",
        format!(
            "{} points, {runs} runs a round, {rounds} of them: about {} min",
            points.len(),
            about.as_secs() / 60 + 1
        ),
    );
    let mut machine = machine(console);
    let plan = rounds::Plan {
        points: &points,
        variants: &variants,
        programs: &programs,
        rounds,
        seconds,
        tool: std::env::current_exe().context("this program's own path is not known")?,
        host: arguments.host,
        mode: arguments.mode,
    };
    let cases = rounds::run(&plan, console, |case| {
        if !arguments.json {
            println!("{}", report::table::of(case));
        }
    })?;
    machine.load_after = rounds::load_average();
    let results = Results {
        format: 1,
        tool: env!("CARGO_PKG_VERSION"),
        machine,
        options: Options {
            rounds,
            seconds,
            mode: arguments.mode.word(),
            host: arguments.host.to_string(),
            libc: &DATA.libc,
            optimised: release,
        },
        variants: variants.iter().map(Into::into).collect(),
        programs: sizes,
        cases,
    };

    let json = serde_json::to_string_pretty(&results)? + "\n";
    write_whole(&out.join("bench.json"), json.as_bytes())?;
    write_whole(
        &out.join("bench.html"),
        report::page::of(&results)?.as_bytes(),
    )?;
    if arguments.json {
        print!("{json}");
    } else {
        println!("{}", report::table::sizes(&results));
    }
    if results.failures() > 0 {
        console.warn(format!(
            "{} of the points have a variant that failed; the table says why",
            results.failures()
        ));
    }
    console.status("Finished", out.join("bench.html").display());
    Ok(0)
}

fn machine(console: &Console) -> Machine {
    Machine {
        os: std::env::consts::OS,
        architecture: std::env::consts::ARCH,
        cpus: std::thread::available_parallelism().map_or(1, usize::from),
        rustc: rustc_version(console).unwrap_or_else(|_| "unknown".to_owned()),
        load_before: rounds::load_average(),
        load_after: None,
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if seconds > 0.0 && seconds <= 3600.0 => Ok(seconds),
        _ => Err("not a number of seconds between 0 and 3600".to_owned()),
    }
}
