//! The project's `.cargo/config.toml`: our overrides, runner and flags in it,
//! and nothing that is not ours touched.
//!
//! Every entry of ours ends in a comment that says so; only what has it is
//! ever changed or removed. The rest of the file keeps its words, order,
//! comments and blank lines.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value};

use wasip2_ground::files::write_whole;
use wasip2_ground::{TARGET, Wasi};

use crate::placement::{Place, Placement};
use crate::wasi;

/// Where flags for rustc stand: cargo joins what is there with what a project
/// sets for the target by its name.
const FLAGS: &str = "cfg(target_env = \"p2\")";

/// The flags of rustc that give blocking tasks stacks of their own, see the shim
/// wasi-cooperative-threads.
pub const THREADS: [&str; 4] = ["--cfg", "wasip2_threads", "-C", "link-arg=--export-table"];

/// Ends each line that the tool wrote.
const OURS: &str = " # by `cargo wasip2 init`";

/// A cargo configuration file.
#[derive(Debug)]
pub struct Config {
    /// Where it stands, or will.
    pub path: PathBuf,
    document: DocumentMut,
}

/// What became of the target's runner.
#[derive(Debug, PartialEq)]
pub enum Runner {
    /// It is ours.
    Ours,
    /// The project has one of its own, which stays.
    Theirs(String),
}

impl Config {
    /// Reads the configuration of the project in `root`.
    pub fn read(root: &Path) -> Result<Config> {
        let directory = root.join(".cargo");
        // Cargo prefers the old name where both exist.
        let old = directory.join("config");
        let path = if old.is_file() {
            old
        } else {
            directory.join("config.toml")
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => {
                return Err(error).with_context(|| format!("{} could not be read", path.display()));
            }
        };
        let document = text.parse().with_context(|| {
            format!(
                "{} is not valid TOML; nothing was changed: mend it, then try again",
                path.display()
            )
        })?;
        Ok(Config { path, document })
    }

    /// Overrides `krate` with the tree at `path`. `key` is its name in the
    /// table, which differs from the crate's where two lines are overridden.
    pub fn set_override(&mut self, key: &str, krate: &str, path: &Path) -> Result<()> {
        let place = self.path.display().to_string();
        let table = table_at(&mut self.document, &["patch", "crates-io"], &place)?;
        if let Some((name, item)) = table.iter().find(|(name, item)| {
            let package = item.get("package").and_then(Item::as_str);
            package.unwrap_or(name) == krate && (*name == key || package.is_none())
        }) && !is_ours(item)
        {
            bail!(
                "{place} already overrides {krate} (`{name} = {}`); nothing was changed: take \
                 that entry out if our tree is to be used, or leave {krate} out with `--except \
                 {krate}`",
                item.to_string().trim()
            );
        }
        let mut entry = InlineTable::new();
        if key != krate {
            entry.insert("package", krate.into());
        }
        entry.insert("path", path.to_string_lossy().into_owned().into());
        put(table, key, Value::InlineTable(entry));
        Ok(())
    }

    /// The overrides that are ours, with what they name.
    pub fn overrides(&self) -> Vec<(String, Place)> {
        let table = self
            .document
            .get("patch")
            .and_then(|patch| patch.get("crates-io"));
        let Some(table) = table.and_then(Item::as_table_like) else {
            return Vec::new();
        };
        let ours = table.iter().filter(|(_, item)| is_ours(item));
        ours.filter_map(|(key, item)| {
            let word = |name| item.get(name).and_then(Item::as_str).map(str::to_owned);
            let place = match (word("path"), word("git"), word("rev")) {
                (Some(path), _, _) => Place::Path(path.into()),
                (None, Some(url), Some(commit)) => Place::Git { url, commit },
                _ => return None,
            };
            Some((key.to_owned(), place))
        })
        .collect()
    }

    /// Has the override at `key`, which is ours, name `place` instead.
    pub fn set_place(&mut self, key: &str, place: &Place) {
        let table = self
            .document
            .get_mut("patch")
            .and_then(|patch| patch.get_mut("crates-io"))
            .and_then(Item::as_table_like_mut);
        let Some(table) = table.filter(|table| table.get(key).is_some_and(is_ours)) else {
            return;
        };
        let mut entry = InlineTable::new();
        if let Some(package) = table.get(key).and_then(|item| item.get("package")) {
            entry.insert("package", package.as_str().unwrap_or(key).into());
        }
        match place {
            Place::Path(path) => {
                entry.insert("path", slashes(path).into());
            }
            Place::Git { url, commit } => {
                entry.insert("git", url.into());
                entry.insert("rev", commit.into());
            }
        }
        put(table, key, Value::InlineTable(entry));
    }

    /// Where the overrides of ours lead.
    pub fn placement(&self) -> Placement {
        for (_, place) in self.overrides() {
            match place {
                Place::Git { url, .. } => return Placement::Git(url),
                Place::Path(path) if path.is_relative() => {
                    return match path.parent() {
                        Some(parent) => Placement::Vendored(parent.to_owned()),
                        None => continue,
                    };
                }
                Place::Path(_) => {}
            }
        }
        Placement::Home
    }

    /// Takes the override at `key` out, where it is ours.
    pub fn remove_override(&mut self, key: &str) {
        if let Some(table) = self
            .document
            .get_mut("patch")
            .and_then(|patch| patch.get_mut("crates-io"))
            .and_then(Item::as_table_like_mut)
            && table.get(key).is_some_and(is_ours)
        {
            table.remove(key);
        }
    }

    /// Sets the target's runner, unless the project has one of its own.
    pub fn set_runner(&mut self, words: &[String]) -> Result<Runner> {
        let place = self.path.display().to_string();
        let table = table_at(&mut self.document, &["target", TARGET], &place)?;
        if let Some(item) = table.get("runner")
            && !is_ours(item)
        {
            return Ok(Runner::Theirs(item.to_string().trim().to_owned()));
        }
        let mut runner = Array::new();
        runner.extend(words.iter().cloned());
        put(table, "runner", Value::Array(runner));
        Ok(Runner::Ours)
    }

    /// Has the project built for that version of WASI, and its blocking tasks on
    /// stacks of their own where `threads` says so.
    pub fn set_flags(&mut self, wasi: Wasi, threads: bool) -> Result<()> {
        let mut wanted = wasi::rustflags(wasi);
        if threads {
            wanted.extend(THREADS.map(str::to_owned));
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let place = self.path.display().to_string();
        let table = table_at(&mut self.document, &["target", FLAGS], &place)?;
        if let Some(item) = table.get("rustflags")
            && !is_ours(item)
        {
            bail!(
                "{place} already sets rustflags for `{FLAGS}` (`{}`); nothing was changed: move \
                 them to `[target.{TARGET}]`, which cargo joins with ours",
                item.to_string().trim()
            );
        }
        let mut flags = Array::new();
        flags.extend(wanted);
        put(table, "rustflags", Value::Array(flags));
        Ok(())
    }

    /// The version of WASI that an earlier `init` had the project built for.
    pub fn wasi(&self) -> Wasi {
        let ours = self.flags(FLAGS).filter(|flags| is_ours(flags));
        match ours.is_some_and(|flags| flags.to_string().contains(wasi::CFG)) {
            true => Wasi::P3,
            false => Wasi::P2,
        }
    }

    /// Whether rustc's flags for the target have those of [`THREADS`], by whoever.
    pub fn has_threads(&self) -> bool {
        let mut flags = [TARGET, FLAGS].iter().filter_map(|table| self.flags(table));
        flags.any(|flags| flags.to_string().contains(THREADS[1]))
    }

    fn flags(&self, table: &str) -> Option<&Item> {
        self.document.get("target")?.get(table)?.get("rustflags")
    }

    /// Whether the project sets flags for every target, which those for one
    /// take the place of.
    pub fn has_build_rustflags(&self) -> bool {
        self.document
            .get("build")
            .is_some_and(|build| build.get("rustflags").is_some())
    }

    /// Sets an environment variable of cargo's, unless the project sets it
    /// itself.
    pub fn set_env(&mut self, name: &str, value: &str) -> Result<()> {
        let place = self.path.display().to_string();
        let table = table_at(&mut self.document, &["env"], &place)?;
        if table.get(name).is_none_or(is_ours) {
            put(table, name, value.into());
        }
        Ok(())
    }

    /// Whether the environment variable is set here.
    pub fn sets_env(&self, name: &str) -> bool {
        let env = self.document.get("env").and_then(Item::as_table_like);
        env.is_some_and(|env| env.contains_key(name))
    }

    /// Whether an earlier `init` overrode something here.
    pub fn has_ours(&self) -> bool {
        self.document
            .get("patch")
            .and_then(|patch| patch.get("crates-io"))
            .and_then(Item::as_table_like)
            .is_some_and(|table| table.iter().any(|(_, item)| is_ours(item)))
    }

    /// Takes out every entry of ours; gives back how many there were.
    pub fn remove_ours(&mut self) -> usize {
        let paths: [&[&str]; 4] = [
            &["patch", "crates-io"],
            &["target", TARGET],
            &["target", FLAGS],
            &["env"],
        ];
        let root = self.document.as_table_mut();
        paths.iter().map(|path| take_ours(root, path)).sum()
    }

    /// Whether nothing, not even a comment, is left in it.
    fn is_blank(&self) -> bool {
        self.document.to_string().trim().is_empty()
    }

    /// Writes the file; an empty one is removed, and so is its directory where
    /// nothing else is in it.
    pub fn write(&self) -> Result<()> {
        if !self.is_blank() {
            return write_whole(&self.path, self.document.to_string().as_bytes());
        }
        if self.path.exists() {
            fs::remove_file(&self.path)
                .with_context(|| format!("{} could not be removed", self.path.display()))?;
        }
        if let Some(directory) = self.path.parent() {
            // Fails where something else stands in it, as it should.
            let _ = fs::remove_dir(directory);
        }
        Ok(())
    }
}

/// Takes what is ours out of the table at `path` below `table`, and each table
/// that is empty then; gives back how many entries there were.
fn take_ours(table: &mut dyn toml_edit::TableLike, path: &[&str]) -> usize {
    let Some((key, rest)) = path.split_first() else {
        let ours: Vec<String> = table
            .iter()
            .filter(|(_, item)| is_ours(item))
            .map(|(name, _)| name.to_owned())
            .collect();
        for name in &ours {
            table.remove(name);
        }
        return ours.len();
    };
    let Some(inner) = table.get_mut(key).and_then(Item::as_table_like_mut) else {
        return 0;
    };
    let removed = take_ours(inner, rest);
    if removed > 0 && inner.is_empty() {
        table.remove(key);
    }
    removed
}

/// The table at `path`, made where it is missing.
fn table_at<'a>(
    document: &'a mut DocumentMut,
    path: &[&str],
    place: &str,
) -> Result<&'a mut dyn toml_edit::TableLike> {
    let mut item = document.as_item_mut();
    for (depth, key) in path.iter().enumerate() {
        let table = item
            .as_table_like_mut()
            .with_context(|| format!("`{}` in {place} is not a table", path[..depth].join(".")))?;
        if !table.contains_key(key) {
            let mut made = Table::new();
            made.set_implicit(depth + 1 < path.len());
            table.insert(key, Item::Table(made));
        }
        item = table.get_mut(key).expect("it was made above");
        // No line of it could be marked as ours.
        let name = path[..=depth].join(".");
        ensure!(
            !item.is_inline_table(),
            "`{name} = {{…}}` in {place} is a table in one line, into which nothing can be put;              nothing was changed: write it as `[{name}]`, with a line for each entry"
        );
    }
    item.as_table_like_mut()
        .with_context(|| format!("`{}` in {place} is not a table", path.join(".")))
}

/// A relative path as every system writes it.
fn slashes(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

fn put(table: &mut dyn toml_edit::TableLike, key: &str, mut value: Value) {
    value.decor_mut().set_prefix(" ");
    value.decor_mut().set_suffix(OURS);
    table.insert(key, Item::Value(value));
}

fn is_ours(item: &Item) -> bool {
    item.as_value()
        .and_then(|value| value.decor().suffix())
        .and_then(|suffix| suffix.as_str())
        .is_some_and(|suffix| suffix.trim() == OURS.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_come_and_go_and_the_users_own_stay() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(".cargo/config.toml");
        fs::create_dir(directory.path().join(".cargo")).unwrap();
        let before = "[env]\nAR_wasm32_wasip2 = \"mine\"\n";
        fs::write(&path, before).unwrap();
        let mut config = Config::read(directory.path()).unwrap();
        config.set_env("AR_wasm32_wasip2", "llvm-ar").unwrap();
        config.set_env("CC_wasm32_wasip2", "clang").unwrap();
        config.write().unwrap();
        let config = Config::read(directory.path()).unwrap();
        assert!(config.sets_env("CC_wasm32_wasip2"));
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("AR_wasm32_wasip2 = \"mine\"\n"), "{text}");
        assert!(text.contains("CC_wasm32_wasip2 = \"clang\" # by"), "{text}");

        let mut config = config;
        assert_eq!(config.remove_ours(), 1);
        config.write().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), before);
    }
}
