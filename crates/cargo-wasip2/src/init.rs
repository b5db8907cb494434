//! `cargo wasip2 init`: a user's own project builds with the patched trees.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use wasip2_ground::{Console, Home, TARGET};
use wasip2_series::overrides::{self, Options};
use wasip2_series::project::Project;
use wasip2_series::{Series, SeriesArgs};

/// Make a project of yours build for wasm32-wasip2 with the patched crates.
///
/// Writes `[patch.crates-io]` entries and the target's runner into the
/// project's `.cargo/config.toml`, and brings its lock file in line. Then
/// `cargo run --target wasm32-wasip2` just works. Run it again after adding
/// dependencies; `--remove` undoes it.
#[derive(Args, Debug)]
pub struct InitArgs {
    /// The project's directory
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    /// Take out what an earlier `init` wrote
    #[arg(long)]
    remove: bool,
    /// Do not override this crate
    #[arg(long, value_name = "CRATE")]
    except: Vec<String>,
    /// Give blocking tasks stacks of their own. Then the program runs only on hosts
    /// that have the component model's threads: the one here, and Wasmtime from
    /// version 48 on, with `-W component-model-threading`
    #[arg(long, conflicts_with = "remove")]
    threads: bool,
    /// Go on although this version, which no series covers, stays unpatched
    #[arg(long, value_name = "CRATE@VERSION")]
    allow: Vec<String>,
    #[command(flatten)]
    series: SeriesArgs,
}

/// Runs the verb.
pub fn run(arguments: &InitArgs, home: &Home, console: &Console) -> Result<()> {
    let project = Project::find(&arguments.directory, console)?;
    if arguments.remove {
        return remove(&project, arguments.series.offline, console);
    }
    let options = Options {
        except: &arguments.except,
        allow: &arguments.allow,
        threads: arguments.threads,
        offline: arguments.series.offline,
    };
    let series = arguments.series.all(home)?;
    let overridden = overrides::initialise(&project, &series, &options, home, console)?;
    if overridden.is_empty() {
        console.warn(format!(
            "no crate in {}'s lock file has a series, so there is nothing to override; run this \
             again once it depends on one of {}",
            project.root.display(),
            names(&series)
        ));
    }
    console.status(
        "Finished",
        format!(
            "{}: now `cargo run --target {TARGET}`",
            project.root.display()
        ),
    );
    Ok(())
}

fn remove(project: &Project, offline: bool, console: &Console) -> Result<()> {
    let config = overrides::config_path(project)?;
    let config = config.display();
    if overrides::remove(project, offline, console)? {
        console.status(
            "Removed",
            format!("the overrides and the runner from {config}"),
        );
    } else {
        console.status("Finished", format!("{config} holds nothing of ours"));
    }
    Ok(())
}

fn names(series: &[Series]) -> String {
    let mut names: Vec<&str> = series.iter().map(|series| series.name.as_str()).collect();
    names.dedup();
    names.join(", ")
}
