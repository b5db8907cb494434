//! Shims: crates of ours that patched crates depend on.
//!
//! They stand in `vendor-shims/` and are in no registry, so whoever builds a
//! patched tree that needs one gets an override for it as well. A copy below
//! the tool's home keeps its place when the tool is updated, so a project's
//! overrides stay valid.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use toml::{Table, Value};

use crate::git::{git, read};
use crate::source::Source;
use crate::vendor;
use wasip2_ground::mirror::mirror;
use wasip2_ground::{Console, Home};

/// The shims that the tool carries.
#[derive(Debug)]
pub struct Shims {
    /// Where they stand, each in a directory of its name.
    root: PathBuf,
    names: BTreeSet<String>,
}

impl Shims {
    /// Finds them.
    pub fn find(home: &Home) -> Result<Shims> {
        let root = Source::find(home)?.shims();
        let entries = || -> std::io::Result<BTreeSet<String>> {
            let mut names = BTreeSet::new();
            for entry in fs::read_dir(&root)? {
                let entry = entry?;
                if entry.path().join("Cargo.toml").is_file() {
                    names.insert(entry.file_name().to_string_lossy().into_owned());
                }
            }
            Ok(names)
        };
        let names = entries().with_context(|| format!("{} could not be read", root.display()))?;
        Ok(Shims { root, names })
    }

    /// The manifest of each.
    pub fn manifests(&self) -> Result<Vec<PathBuf>> {
        Ok(self.names.iter().map(|name| self.manifest(name)).collect())
    }

    fn manifest(&self, name: &str) -> PathBuf {
        self.root.join(name).join("Cargo.toml")
    }

    /// Every one of them.
    pub fn all(&self) -> BTreeSet<String> {
        self.names.clone()
    }

    /// Those that `manifests` depend on, by way of other shims too.
    pub fn needed(&self, manifests: &[PathBuf]) -> Result<BTreeSet<String>> {
        let mut needed = BTreeSet::new();
        let mut unread = manifests.to_vec();
        while let Some(manifest) = unread.pop() {
            for name in dependencies(&manifest)? {
                if self.names.contains(&name) && needed.insert(name.clone()) {
                    unread.push(self.manifest(&name));
                }
            }
        }
        Ok(needed)
    }

    /// Where the copy of `name` stands, made or not.
    pub fn path(&self, name: &str, home: &Home) -> PathBuf {
        home.root().join("shims").join(name)
    }

    /// A digest of everything that the copy of `name` is made of.
    pub fn digest(&self, name: &str, home: &Home) -> Result<String> {
        vendor::content(&self.path(name, home))
    }

    /// The repository that has the copies of all of them in one commit, which
    /// has the same name everywhere.
    pub fn repository(&self, home: &Home, console: &Console) -> Result<(PathBuf, String)> {
        self.stage_all(home, console)?;
        let _lock = home.lock("shims", console)?;
        let repository = home.directory("shims.git")?;
        let work = home.directory("shims")?;
        read(&repository, &["init", "--quiet", "--bare"], console)?;
        // Its index is made anew, with what the tool carries and nothing else.
        let in_work = |arguments: &[&str]| {
            git(&repository, ["--git-dir=."])
                .arg(format!("--work-tree={}", work.display()))
                .args(arguments)
        };
        in_work(&["read-tree", "--empty"]).read(console)?;
        for name in &self.names {
            let specification = format!(":(top){name}");
            let left_out = [
                format!(":(exclude,top){name}/Cargo.lock"),
                format!(":(exclude,top){name}/target"),
            ];
            in_work(&["add", "--force", "--"])
                .arg(specification)
                .args(left_out)
                .read(console)?;
        }
        let tree = read(&repository, &["write-tree"], console)?;
        let message = "The crates that patched crates depend on
";
        let commit = read(&repository, &["commit-tree", &tree, "-m", message], console)?;
        // What nothing names could be cleaned away.
        read(
            &repository,
            &["update-ref", "refs/heads/main", &commit],
            console,
        )?;
        Ok((repository, commit))
    }

    /// Brings the copy of every shim up to date.
    pub fn stage_all(&self, home: &Home, console: &Console) -> Result<()> {
        let _lock = home.lock("shims", console)?;
        for name in &self.names {
            mirror(
                &self.root.join(name),
                &home.directory("shims")?.join(name),
                &["Cargo.lock", "target"],
            )?;
        }
        Ok(())
    }
}

/// The packages that a manifest depends on to be built, on any target.
fn dependencies(manifest: &Path) -> Result<BTreeSet<String>> {
    let text = fs::read_to_string(manifest)
        .with_context(|| format!("{} could not be read", manifest.display()))?;
    let table: Table = text
        .parse()
        .with_context(|| format!("{} is not valid TOML", manifest.display()))?;
    let mut tables = vec![&table];
    if let Some(Value::Table(targets)) = table.get("target") {
        tables.extend(targets.values().filter_map(Value::as_table));
    }
    if let Some(Value::Table(workspace)) = table.get("workspace") {
        tables.push(workspace);
    }
    let mut names = BTreeSet::new();
    for table in tables {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(Value::Table(dependencies)) = table.get(kind) else {
                continue;
            };
            for (key, dependency) in dependencies {
                let package = dependency.get("package").and_then(Value::as_str);
                names.insert(package.unwrap_or(key).to_owned());
            }
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_found_in_every_table() {
        let directory = tempfile::tempdir().unwrap();
        let manifest = directory.path().join("Cargo.toml");
        fs::write(
            &manifest,
            "[dependencies]\none = \"1\"\nalias = { package = \"two\", version = \"1\" }\n\
             [target.'cfg(target_os = \"wasi\")'.dependencies]\nthree = \"1\"\n",
        )
        .unwrap();
        let found = dependencies(&manifest).unwrap();
        assert_eq!(found.iter().collect::<Vec<_>>(), ["one", "three", "two"]);
    }
}
