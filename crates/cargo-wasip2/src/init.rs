//! `cargo wasip2 init`: a user's own project builds with the patched trees.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use wasip2_ground::{Console, Home, TARGET, Wasi};
use wasip2_series::overrides::{self, Options};
use wasip2_series::project::Project;
use wasip2_series::report::report;
use wasip2_series::{Part, PartArgs, Placement, Series, SeriesArgs, series};

/// Make a project of yours build for wasm32-wasip2 with the patched crates.
///
/// Writes `[patch.crates-io]` entries, the target's runner and, where a crate
/// has C in it, the variables that it is compiled with into the project's
/// `.cargo/config.toml`, and brings its lock file in line. Then
/// `cargo run --target wasm32-wasip2` just works. Run it again after adding
/// dependencies; `--remove` undoes it. With `--vendor` or `--git`, others need
/// nothing but cargo, and Wasmtime to run it.
#[derive(Args, Debug)]
pub struct InitArgs {
    /// The project's directory
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    /// Take out what an earlier `init` wrote
    #[arg(long)]
    remove: bool,
    /// The version of WASI to build for; by default the one that an earlier
    /// `init` set, or 0.2
    #[arg(long, value_enum, value_name = "VERSION")]
    wasi: Option<Wasi>,
    /// Do not override this crate
    #[arg(long, value_name = "CRATE")]
    except: Vec<String>,
    /// Give blocking tasks stacks of their own. Then the program runs only on hosts
    /// that have the component model's threads: the one here, and Wasmtime from
    /// version 48 on, with `-W component-model-threading`
    #[arg(long, conflicts_with = "remove")]
    threads: bool,
    /// Fail where a crate that is built stays unpatched, for want of a series for
    /// its release line
    #[arg(long)]
    strict: bool,
    /// With `--strict`: this version may
    #[arg(long, value_name = "CRATE@VERSION")]
    allow: Vec<String>,
    /// Run `cargo update` first, which takes old release lines out of many a
    /// lock file
    #[arg(long)]
    update: bool,
    /// Leave the C of dependencies alone: set no compiler for it
    #[arg(long)]
    no_c: bool,
    /// Put the patched crates into the project, below this directory of it, so that
    /// it builds anywhere with cargo alone
    #[arg(long, value_name = "DIR", conflicts_with_all = ["remove", "git"])]
    vendor: Option<PathBuf>,
    /// Take the patched crates from this repository, which `cargo wasip2 branch --all
    /// --push URL` has filled, so that the project builds anywhere with cargo alone
    #[arg(long, value_name = "URL", conflicts_with = "remove")]
    git: Option<String>,
    #[command(flatten)]
    parts: PartArgs,
    #[command(flatten)]
    pub series: SeriesArgs,
}

/// Runs the verb.
pub fn run(arguments: &InitArgs, home: &Home, console: &Console) -> Result<()> {
    let project = Project::find(&arguments.directory, console)?;
    if arguments.remove {
        return remove(&project, arguments.series.offline, console);
    }
    let placement = match (&arguments.vendor, &arguments.git) {
        (Some(directory), _) => Some(Placement::vendored(&project, directory)?),
        (None, Some(url)) => Some(Placement::Git(url.clone())),
        (None, None) => None,
    };
    let options = Options {
        except: &arguments.except,
        allow: &arguments.allow,
        strict: arguments.strict,
        update: arguments.update,
        c: !arguments.no_c,
        threads: arguments.threads,
        offline: arguments.series.offline,
        wasi: arguments.wasi,
        placement: placement.as_ref(),
    };
    let parts = match arguments.parts.last() {
        Some(parts) => parts,
        None => overrides::parts(&project)?,
    };
    if parts != Part::Local && arguments.git.is_some() {
        bail!(
            "a repository that `branch --push` fills has every series whole, and `--parts {parts}` \
             takes less: leave one of the two out; nothing was changed"
        );
    }
    let series = series::up_to(arguments.series.all(home)?, parts);
    let overridden = overrides::initialise(&project, &series, &options, home, console)?;
    if overridden.is_empty() {
        console.warn(format!(
            "no crate in {}'s lock file has a series, so there is nothing to override; run this \
             again once it depends on one of {}",
            project.root.display(),
            names(&series)
        ));
    }
    if let Some(last) = arguments.parts.last()
        && last != overrides::parts(&project)?
    {
        console.warn(format!(
            "no series that this project needs has parts, so `--parts {last}` leaves nothing out; \
             say it again once it depends on one that has, such as tokio"
        ));
    }
    let report = report(&project, &series, arguments.series.offline, console)?;
    for krate in &report.unsupported {
        console.warn(krate);
    }
    let root = project.root.display();
    let built_for = match report.wasi {
        Wasi::P2 => String::new(),
        newer => format!(", for WASI {newer}"),
    };
    let broken = match report.unsupported.len() {
        0 => format!("{root}: now `cargo run --target {TARGET}`{built_for}"),
        1 => format!("{root}, but for the crate above, which does not build or work"),
        many => format!("{root}, but for the {many} crates above, which do not build or work"),
    };
    console.status("Finished", broken);
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
