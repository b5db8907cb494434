//! `cargo wasip2 doctor`: what is there, what is missing, what to type.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use console::Style;
use serde::Serialize;

use wasip2_ground::{Console, Home, Wasi};
use wasip2_series::overrides;
use wasip2_series::project::Project;
use wasip2_series::report::{self, CrateState, ProjectReport};
use wasip2_series::{Part, SeriesArgs, series};
use wasip2_toolchain::{Condition, Finding};

/// Show what is there, what is missing and what to type.
///
/// With `--manifest-path` it looks at a project of yours too: which crates of
/// its lock file are overridden, and which would not build for wasm32-wasip2
/// and why. Exits with 1 where something that is needed is missing.
#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// Also look at the project of this Cargo.toml
    #[arg(long, value_name = "PATH")]
    manifest_path: Option<PathBuf>,
    #[command(flatten)]
    pub series: SeriesArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Everything that `doctor` found, for `--json`.
#[derive(Serialize)]
struct Report {
    toolchain: Vec<Finding>,
    project: Option<ProjectReport>,
}

impl Report {
    /// Whether nothing that is needed is missing.
    fn is_well(&self) -> bool {
        let toolchain = self
            .toolchain
            .iter()
            .all(|finding| finding.state != Condition::Missing);
        let project = self.project.as_ref().is_none_or(|project| {
            project.unsupported.is_empty()
                && project
                    .series
                    .iter()
                    .all(|krate| matches!(krate.state, CrateState::Overridden | CrateState::Old))
        });
        toolchain && project
    }
}

/// Runs the verb; gives back whether nothing that is needed is missing.
pub fn run(arguments: &DoctorArgs, home: &Home, console: &Console) -> Result<bool> {
    let project = match &arguments.manifest_path {
        Some(manifest) => {
            let project = Project::find(manifest, console)?;
            let parts = overrides::parts(&project)?;
            let series = series::up_to(arguments.series.all(home)?, parts);
            let offline = arguments.series.offline;
            Some(report::report(&project, &series, offline, console)?)
        }
        None => None,
    };
    let report = Report {
        toolchain: wasip2_toolchain::findings(home, console),
        project,
    };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print(&report);
    }
    Ok(report.is_well())
}

fn print(report: &Report) {
    // Beside a project, the machine is of interest where something is missing.
    let shown =
        |finding: &&Finding| report.project.is_none() || finding.state == Condition::Missing;
    let width = report
        .toolchain
        .iter()
        .map(|finding| finding.name.len())
        .max()
        .unwrap_or_default();
    for finding in report.toolchain.iter().filter(shown) {
        let mark = match finding.state {
            Condition::Ok => Style::new().green().apply_to("ok     "),
            Condition::Missing => Style::new().red().bold().apply_to("missing"),
            Condition::Optional => Style::new().yellow().apply_to("absent "),
        };
        println!("{mark} {:width$}  {}", finding.name, finding.detail);
        if finding.state != Condition::Ok
            && let Some(advice) = &finding.advice
        {
            println!("        {:width$}  {advice}", "");
        }
    }
    let Some(project) = &report.project else {
        return;
    };
    println!("{}", project.root.display());
    if project.wasi != Wasi::P2 {
        println!("        built for WASI {}", project.wasi);
    }
    if project.parts != Part::Local {
        println!(
            "        patched up to part {} of each series; `cargo wasip2 init --parts local` takes all",
            project.parts
        );
    }
    if project.threads {
        println!(
            "{} threads: it runs where the component model's are on: here, and under `wasmtime -W \
             component-model-threading` from version 48 on",
            Style::new().green().apply_to("ok     ")
        );
    }
    for krate in &project.series {
        let (mark, what) = match krate.state {
            CrateState::Overridden => (
                Style::new().green().apply_to("ok     "),
                "built from its patched tree".to_owned(),
            ),
            CrateState::Released => (
                Style::new().yellow().apply_to("as is  "),
                "a series exists and is not in use".to_owned(),
            ),
            CrateState::Old => (
                Style::new().yellow().apply_to("old    "),
                "built from a copy of an older series; `cargo wasip2 init` renews it".to_owned(),
            ),
            CrateState::Changed => (
                Style::new().red().bold().apply_to("changed"),
                "built from a copy in the project that is not as it was put there; restore it, or \
                 remove it and run `cargo wasip2 init`"
                    .to_owned(),
            ),
            CrateState::NoSeries => (
                Style::new().yellow().apply_to("as is  "),
                format!("no series covers this release line; {}", krate.by),
            ),
        };
        println!("{mark} {} v{}: {what}", krate.name, krate.version);
    }
    if project
        .series
        .iter()
        .any(|krate| krate.state == CrateState::Released)
    {
        println!("        `cargo wasip2 init` puts those series to use");
    }
    for krate in &project.unsupported {
        let mark = Style::new().red().bold().apply_to("broken ");
        println!("{mark} {}", krate.to_string().replace('\n', "\n      "));
    }
    for note in &project.notes {
        println!("{} {note}", Style::new().yellow().apply_to("note   "));
    }
    if project.series.is_empty() && project.unsupported.is_empty() {
        println!("        nothing in its graph for wasm32-wasip2 needs us");
    }
}
