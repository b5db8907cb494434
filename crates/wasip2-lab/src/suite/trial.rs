//! Runs every test, several at once, each by itself.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use wasip2_ground::console::ProgressBar;
use wasip2_ground::{Console, Home};

use super::build::Built;
use super::definition::{Definition, PASSES};
use super::outcome::{Outcome, Trial, message};
use super::stage::{Place, Stage, passes};
use super::subject::Subject;
use wasip2_host::{End, Loader, Mode};

/// How long listing a program's tests may take.
const LISTING: Duration = Duration::from_secs(60);

/// What is run and how.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    pub place: Place,
    /// How the host's functions wait.
    pub mode: Mode,
    /// How many tests run at once.
    pub jobs: Option<std::num::NonZeroUsize>,
    pub filter: &'a [String],
    pub definition: &'a Definition,
    /// Whether the crate is as it was released, so that nothing is expected.
    pub judged: bool,
}

/// A test that was found.
struct Test {
    /// Which of the programs it is in.
    program: usize,
    /// Its name in there.
    name: String,
    /// Its name in the suite.
    full: String,
    ignored: bool,
    /// How much later than others it is run.
    turn: u8,
    limit: Duration,
}

/// Runs the tests of all programs; gives back what became of them, in the
/// order of their names.
pub fn run(
    plan: &Plan,
    built: &Built,
    stage: &Stage,
    home: &Home,
    console: &Console,
) -> Result<Vec<Trial>> {
    let loader = Loader::new(plan.mode)?;
    let cache = home.directory("suites/cache")?;
    // What an interrupted run left there is of no use to anyone.
    let scratch = home.root().join("suites").join(format!(
        "scratch-{}-{}",
        stage.release.name,
        plan.place.name()
    ));
    if scratch.exists() {
        std::fs::remove_dir_all(&scratch)?;
    }
    std::fs::create_dir_all(&scratch)?;
    let scratch = std::fs::canonicalize(&scratch)?;
    let jobs = plan.jobs.map_or_else(
        || std::thread::available_parallelism().map_or(1, |jobs| jobs.get()),
        |jobs| jobs.get(),
    );

    let bar = console.count_bar("Compiling", built.programs.len());
    let loaded = at_once(jobs, &built.programs, &bar, |program| {
        let subject = Subject::load(&program.path, plan.place, &loader, &cache)?;
        bar.set_message(program.name.clone());
        let list = |ignored| list(&subject, ignored, &stage.package, &scratch);
        let all = list(false)
            .with_context(|| format!("the tests of `{}` could not be listed", program.name))?;
        let ignored = list(true)?;
        Ok((subject, all, ignored))
    })?;
    bar.finish_and_clear();

    let mut tests = Vec::new();
    for (index, (program, (_, all, ignored))) in built.programs.iter().zip(&loaded).enumerate() {
        for name in all {
            let full = format!("{}::{name}", program.name);
            if !passes(plan.filter, &full) {
                continue;
            }
            let expected = match plan.place {
                Place::Component if plan.judged => plan.definition.expected(&full).outcome,
                _ => &PASSES,
            };
            tests.push(Test {
                program: index,
                name: name.clone(),
                ignored: ignored.contains(name),
                // The longest first, so that none is left alone at the end.
                turn: u8::from(!expected.admit(Outcome::Hangs)),
                limit: plan.definition.time_limit(expected),
                full,
            });
        }
    }
    tests.sort_by_key(|test| test.turn);
    console.status(
        "Testing",
        format!(
            "{} for {}{}: {} tests, {jobs} at once",
            stage.describe(),
            plan.place.name(),
            plan.definition.described_way(),
            tests.len()
        ),
    );
    let bar = console.count_bar("Testing", tests.len());
    let mut trials = at_once(jobs, &tests, &bar, |test| {
        bar.set_message(test.full.clone());
        let (subject, ..) = &loaded[test.program];
        one(test, subject, &stage.package, &scratch)
            .with_context(|| format!("the test {} could not be run", test.full))
    })?;
    bar.finish_and_clear();
    trials.sort_by(|one, other| one.name.cmp(&other.name));
    let _ = std::fs::remove_dir_all(&scratch);
    Ok(trials)
}

/// Runs one test.
fn one(test: &Test, subject: &Subject, package: &Path, scratch: &Path) -> Result<Trial> {
    let started = Instant::now();
    let (outcome, message) = if test.ignored {
        (Outcome::Ignored, None)
    } else {
        let arguments = [&*test.name, "--exact", "--nocapture", "--test-threads=1"];
        let (end, output) = in_scratch(scratch, |directory| {
            subject.run(&arguments, package, directory, test.limit)
        })?;
        let outcome = Outcome::of(&end, &output);
        let message = match outcome {
            Outcome::Passes | Outcome::Ignored => None,
            _ => message(&end, &output),
        };
        (outcome, message)
    };
    Ok(Trial {
        name: test.full.clone(),
        outcome,
        message,
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// The names of a program's tests, or of those that are marked as ignored.
fn list(subject: &Subject, ignored: bool, package: &Path, scratch: &Path) -> Result<Vec<String>> {
    let mut arguments = vec!["--list", "--format=terse"];
    if ignored {
        arguments.push("--ignored");
    }
    let (end, output) = in_scratch(scratch, |directory| {
        subject.run(&arguments, package, directory, LISTING)
    })?;
    ensure!(
        end == End::Exit(0),
        "the program ended with {end:?}{}",
        wasip2_ground::process::quoted_tail(output.as_bytes(), 12)
    );
    Ok(output
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .map(str::to_owned)
        .collect())
}

/// Calls `with` with a new directory, which goes afterwards.
fn in_scratch<T>(scratch: &Path, with: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    let directory: PathBuf = tempfile::tempdir_in(scratch)?.keep();
    let result = with(&directory);
    // Whatever rights a test left on its files.
    let _ = std::fs::remove_dir_all(&directory);
    result
}

/// Does `work` for every item on `jobs` threads; gives back the results in the
/// order of the items, or the first error.
fn at_once<T: Sync, R: Send>(
    jobs: usize,
    items: &[T],
    bar: &ProgressBar,
    work: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let results: Vec<Mutex<Option<Result<R>>>> = items.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(items.len()) {
            scope.spawn(|| {
                while !failed.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else {
                        break;
                    };
                    let result = work(item);
                    failed.fetch_or(result.is_err(), Ordering::Relaxed);
                    *results[index]
                        .lock()
                        .expect("nothing panics while it holds this") = Some(result);
                    bar.inc(1);
                }
            });
        }
    });
    results
        .into_iter()
        .filter_map(|result| result.into_inner().expect("no thread is left to panic"))
        .collect()
}
