//! The project's `.cargo/config.toml`: our overrides and runner in it, and
//! nothing that is not ours touched.
//!
//! Every entry of ours ends in a comment that says so; only what has it is
//! ever changed or removed. The rest of the file keeps its words, order,
//! comments and blank lines.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value};

use wasip2_ground::TARGET;
use wasip2_ground::files::write_whole;

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

    /// Sets rustc's flags for the target to [`THREADS`].
    pub fn set_threads(&mut self) -> Result<()> {
        let place = self.path.display().to_string();
        let table = table_at(&mut self.document, &["target", TARGET], &place)?;
        if let Some(item) = table.get("rustflags")
            && !is_ours(item)
        {
            bail!(
                "{place} already sets rustflags for {TARGET} ({}); nothing was changed: add \
                 `{}` to them, and leave `--threads` out",
                item.to_string().trim(),
                THREADS.join(" ")
            );
        }
        put(
            table,
            "rustflags",
            Value::Array(THREADS.into_iter().collect()),
        );
        Ok(())
    }

    /// Whether rustc's flags for the target have those of [`THREADS`], by whoever.
    pub fn has_threads(&self) -> bool {
        self.document
            .get("target")
            .and_then(|targets| targets.get(TARGET))
            .and_then(|target| target.get("rustflags"))
            .is_some_and(|flags| flags.to_string().contains(THREADS[1]))
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
        let mut removed = 0;
        for path in [["patch", "crates-io"], ["target", TARGET]] {
            let Some(outer) = self
                .document
                .get_mut(path[0])
                .and_then(Item::as_table_like_mut)
            else {
                continue;
            };
            let Some(inner) = outer.get_mut(path[1]).and_then(Item::as_table_like_mut) else {
                continue;
            };
            let ours: Vec<String> = inner
                .iter()
                .filter(|(_, item)| is_ours(item))
                .map(|(name, _)| name.to_owned())
                .collect();
            for name in &ours {
                inner.remove(name);
            }
            removed += ours.len();
            if !ours.is_empty() && inner.is_empty() {
                outer.remove(path[1]);
                if outer.is_empty() {
                    self.document.remove(path[0]);
                }
            }
        }
        removed
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
    }
    item.as_table_like_mut()
        .with_context(|| format!("`{}` in {place} is not a table", path.join(".")))
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
