//! A tree of a series in which every step can be looked at: the release, and
//! the release with the first patches applied.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use toml_edit::{DocumentMut, Item};

use crate::branch;
use wasip2_ground::cargo::cargo;
use wasip2_ground::files::write_whole;
use wasip2_ground::process::quoted_tail;
use wasip2_ground::{Console, Home, Process, Unfinished};
use wasip2_series::git::{apply, git, read};
use wasip2_series::shims::Shims;
use wasip2_series::{Pristine, Series, SeriesArgs, manifest, tree};

/// The tree, and what it is built with.
#[derive(Debug)]
pub struct Workbench<'a> {
    series: &'a Series,
    pristine: Pristine,
    /// The git repository.
    pub tree: PathBuf,
    /// The release's commit, then that of each patch.
    commits: Vec<String>,
    /// The overrides of every other crate, for cargo's `--config`.
    overrides: Vec<String>,
    /// The lock file of every step. A release may bring one that locks other
    /// versions than the overrides have.
    lock: Vec<u8>,
    target: PathBuf,
    offline: bool,
}

impl<'a> Workbench<'a> {
    /// Applies the series; `all` are the others that it is built with.
    pub fn make(
        series: &'a Series,
        all: &[Series],
        arguments: &SeriesArgs,
        home: &Home,
        console: &Console,
    ) -> Result<Workbench<'a>> {
        tree::make_all(all, arguments.network(), home, console)?;
        let pristine = Pristine::get(series, arguments.network(), home, console)?;
        let tree = home.directory("lint")?.join(series.directory_name());
        if tree.exists() {
            fs::remove_dir_all(&tree)?;
        }
        git(home.root(), ["clone", "--quiet", "--no-hardlinks"])
            .arg(&pristine.repository)
            .arg(&tree)
            .read(console)?;
        let mut commits = vec![read(&tree, &["rev-parse", "HEAD"], console)?];
        for patch in &series.patches {
            if let Some(said) = apply(&tree, &patch.path, console)? {
                bail!("the patch {} of {series} does not apply{said}", patch.name);
            }
            commits.push(read(&tree, &["rev-parse", "HEAD"], console)?);
        }
        let mut workbench = Workbench {
            overrides: Vec::new(),
            lock: Vec::new(),
            series,
            pristine,
            tree,
            commits,
            target: home.directory("lint/target")?,
            offline: arguments.offline,
        };
        workbench.step(series.patches.len(), console)?;
        workbench.overrides = overrides(&workbench.tree, series, all, home, console)?;
        let lock = workbench.tree.join("Cargo.lock");
        if lock.exists() {
            fs::remove_file(&lock)?;
        }
        workbench.command("generate-lockfile").read(console)?;
        workbench.lock = fs::read(lock)?;
        Ok(workbench)
    }

    /// Has the tree hold the release with the first `patches` patches.
    pub fn step(&self, patches: usize, console: &Console) -> Result<()> {
        self.hold(&self.commits[patches], console)
    }

    /// Makes a branch for each patch, which has nothing but what the patch
    /// depends on; gives back the names for [`Workbench::hold`].
    pub fn split(&self, console: &Console) -> Result<Vec<String>> {
        let split = Unfinished::new(self.target.parent().unwrap_or(&self.target))?;
        let branches = branch::split(&split.whole(), self.series, &self.pristine, console)?;
        git(&self.tree, ["fetch", "--quiet", "--no-tags"])
            .arg(split.whole())
            .arg("+refs/heads/*:refs/heads/*")
            .arg("--update-head-ok")
            .read(console)?;
        Ok(branches)
    }

    /// Has the tree hold `commit`, with the manifest that builds.
    pub fn hold(&self, commit: &str, console: &Console) -> Result<()> {
        git(&self.tree, ["checkout", "--quiet", "--force", "--detach"])
            .arg(commit)
            .read(console)?;
        git(&self.tree, ["clean", "-fdq"]).read(console)?;
        fs::write(self.tree.join("Cargo.lock"), &self.lock)?;
        manifest::write(&self.pristine, &self.tree, console)
    }

    /// Has the tree hold the release with the first `patches` patches, and lock
    /// the lowest version that its manifest admits of each crate that it names.
    /// Gives back why cargo can't.
    ///
    /// The patched trees of other crates count as their releases, so they are
    /// locked where the manifest asks for these.
    pub fn lowest(&self, patches: usize, console: &Console) -> Result<Option<String>> {
        self.step(patches, console)?;
        // What only tests name may need a higher version of something.
        let path = self.tree.join("Cargo.toml");
        let mut manifest: DocumentMut = fs::read_to_string(&path)?.parse()?;
        manifest.remove("dev-dependencies");
        let targets = manifest.get_mut("target").and_then(Item::as_table_like_mut);
        for (_, target) in targets.into_iter().flat_map(|targets| targets.iter_mut()) {
            if let Some(target) = target.as_table_like_mut() {
                target.remove("dev-dependencies");
            }
        }
        write_whole(&path, manifest.to_string().as_bytes())?;
        fs::remove_file(self.tree.join("Cargo.lock"))?;
        let output = self
            .command("generate-lockfile")
            .arg("-Zdirect-minimal-versions")
            .env("RUSTC_BOOTSTRAP", "1")
            .output(console)?;
        Ok((!output.status.success()).then(|| quoted_tail(&output.stderr, 12)))
    }

    /// A cargo command in the tree, for its library and the series' features.
    pub fn cargo(&self, verb: &str, target: Option<&str>) -> Process {
        let mut process = self
            .command(verb)
            .args(["--lib", "--message-format=json"])
            .env("CARGO_TARGET_DIR", &self.target)
            .env("RUSTFLAGS", &self.series.lint.rustflags)
            .env_remove("CARGO_BUILD_TARGET");
        if let Some(target) = target {
            process = process.args(["--target", target]);
        }
        if !self.series.lint.features.is_empty() {
            process = process.arg("--features");
            process = process.arg(self.series.lint.features.join(","));
        }
        process
    }

    /// The flags that rustc is given, and rustdoc has to be.
    pub fn rustflags(&self) -> &str {
        &self.series.lint.rustflags
    }

    /// Where `cargo rustdoc` writes its JSON.
    pub fn documented(&self, target: Option<&str>) -> PathBuf {
        let mut directory = self.target.clone();
        directory.extend(target);
        let name = self.series.name.replace('-', "_");
        directory.join("doc").join(format!("{name}.json"))
    }

    /// Any cargo command in the tree, with the overrides.
    fn command(&self, verb: &str) -> Process {
        let mut process = Process::new(cargo()).current_dir(&self.tree).arg(verb);
        if self.offline {
            process = process.arg("--offline");
        }
        for entry in &self.overrides {
            process = process.args(["--config", entry]);
        }
        process
    }
}

/// What a tree is built with: the patched trees of all other release lines, and
/// the shims that any of them needs. Cargo warns of those that are not used.
fn overrides(
    tree: &Path,
    series: &Series,
    all: &[Series],
    home: &Home,
    console: &Console,
) -> Result<Vec<String>> {
    let shims = Shims::find(home)?;
    shims.stage_all(home, console)?;
    let mut manifests = vec![tree.join("Cargo.toml")];
    let mut overrides = Vec::new();
    let is_itself = |other: &Series| other.name == series.name && other.line == series.line;
    for other in all.iter().filter(|other| !is_itself(other)) {
        let path = tree::path(other, home);
        // Two lines of a crate need two keys.
        let key = format!("{}-{}", other.name, other.line.replace('.', "-"));
        overrides.push(format!("patch.crates-io.{key}.package=\"{}\"", other.name));
        overrides.push(at(&key, &path));
        manifests.push(path.join("Cargo.toml"));
    }
    for name in shims.needed(&manifests)? {
        overrides.push(at(&name, &shims.path(&name, home)));
    }
    Ok(overrides)
}

/// The override `key` leads to `path`.
fn at(key: &str, path: &Path) -> String {
    let path = toml::Value::from(path.to_string_lossy().into_owned());
    format!("patch.crates-io.{key}.path={path}")
}
