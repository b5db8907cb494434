//! The combinations of a crate's features, as cargo-hack walks them.

use std::fs;

use anyhow::{Context, Result};

use super::build_cell::{features as all_features, newest};
use super::plan::{BuildFile, Plan};
use wasip2_ground::cargo::cargo;
use wasip2_ground::files::write_whole;
use wasip2_ground::{Console, Home, Process};
use wasip2_series::{Series, SeriesArgs, tree};

/// Adds the rows of the features that the plan has walked. The walk is kept,
/// for it needs the crates' sources and cargo-hack.
pub fn add(
    plan: &mut Plan,
    series: &SeriesArgs,
    all: &[Series],
    home: &Home,
    console: &Console,
) -> Result<()> {
    for index in 0..plan.walks.len() {
        let build = plan.walks[index].clone();
        let walked = walked(&build, series, all, home, console)
            .with_context(|| format!("the features of {} could not be walked", build.krate))?;
        plan.add_builds(&build, &walked);
    }
    Ok(())
}

/// The combinations, each a list of features.
fn walked(
    build: &BuildFile,
    arguments: &SeriesArgs,
    all: &[Series],
    home: &Home,
    console: &Console,
) -> Result<Vec<Vec<String>>> {
    if build.walk.is_empty() {
        return Ok(Vec::new());
    }
    let series = newest(all, &build.krate)?;
    let kept = home
        .directory("matrix/walks")?
        .join(format!("{}.json", build.krate));
    let key = format!("{} {}", series.digest()?, build.walk.join(" "));
    let read = || -> Option<Vec<Vec<String>>> {
        let text = fs::read_to_string(&kept).ok()?;
        let (old, walked): (String, Vec<Vec<String>>) = serde_json::from_str(&text).ok()?;
        (old == key).then_some(walked)
    };
    if let Some(walked) = read() {
        return Ok(walked);
    }
    let tree = tree::make(series, arguments.network(), false, home, console)?;
    let printed = Process::new(wasip2_toolchain::cargo_hack(home, console)?)
        .current_dir(&tree)
        .args(["hack", "check", "--print-command-list"])
        .args(&build.walk)
        .env("CARGO", cargo())
        .read(console)?;
    let mut walked: Vec<Vec<String>> = Vec::new();
    for line in printed.lines().filter(|line| line.contains(" check ")) {
        let combination = features(line, &tree)?;
        if !walked.contains(&combination) {
            walked.push(combination);
        }
    }
    write_whole(&kept, serde_json::to_string(&(key, &walked))?.as_bytes())?;
    Ok(walked)
}

/// The features that a command of cargo-hack's chooses.
fn features(line: &str, tree: &std::path::Path) -> Result<Vec<String>> {
    let mut chosen = Vec::new();
    let mut words = line.split_whitespace().peekable();
    let mut default = true;
    while let Some(word) = words.next() {
        match word {
            "--no-default-features" => default = false,
            "--all-features" => chosen.extend(all_features(tree)?),
            "--features" => {
                let list = words.next().unwrap_or_default();
                chosen.extend(list.split(',').map(str::to_owned));
            }
            word => {
                if let Some(list) = word.strip_prefix("--features=") {
                    chosen.extend(list.split(',').map(str::to_owned));
                }
            }
        }
    }
    if default && !chosen.iter().any(|feature| feature == "default") {
        chosen.push("default".to_owned());
    }
    chosen.sort();
    chosen.dedup();
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_cargo_hack_are_read() {
        let of = |line: &str| features(line, std::path::Path::new("")).unwrap();
        let none: [&str; 0] = [];
        assert_eq!(
            of("cargo check --manifest-path Cargo.toml --no-default-features"),
            none
        );
        assert_eq!(
            of("cargo check --no-default-features --features rt,net"),
            ["net", "rt"]
        );
        assert_eq!(of("cargo check"), ["default"]);
    }
}
