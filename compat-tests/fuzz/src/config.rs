//! A project's `.cargo/config.toml`, which is the user's.

use std::fs;
use std::path::Path;

use toml::{Table, Value};
use wasip2_ground::Wasi;
use wasip2_series::config::Config;

/// What `init` writes there can be read again, and taken out.
pub fn read(bytes: &[u8]) {
    let Some(text) = std::str::from_utf8(bytes).ok() else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let file = root.join(".cargo/config.toml");
    fs::create_dir(root.join(".cargo")).unwrap();
    fs::write(&file, text).unwrap();
    let Ok(mut config) = Config::read(root) else {
        return;
    };
    let Ok(before) = text.parse::<Table>() else {
        return;
    };
    if config.has_ours() || text.contains("by `cargo wasip2 init`") {
        // Whatever stands there, it is taken out.
        config.remove_ours();
        return;
    }
    let _ = (config.wasi(), config.has_threads(), config.placement());
    let set = config
        .set_override("sample", "sample", Path::new("/trees/sample"))
        .and_then(|()| config.set_flags(Wasi::P3, false))
        .and_then(|()| config.set_env("CC_wasm32_wasip2", "clang"))
        .and_then(|()| config.set_runner(&["cargo-wasip2".to_owned()]));
    if set.is_err() {
        return;
    }
    config.write().unwrap();
    let written = fs::read_to_string(&file).unwrap();
    let mut config = Config::read(root).unwrap_or_else(|error| panic!("{error:#}:\n{written}"));
    assert_eq!(config.overrides().len(), 1, "{written}");
    assert_eq!(config.wasi(), Wasi::P3, "{written}");
    assert!(config.sets_env("CC_wasm32_wasip2"), "{written}");
    config.remove_ours();
    config.write().unwrap();
    let after = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(
        without_empty(after.parse().unwrap()),
        without_empty(before),
        "{text:?} has become {after:?}"
    );
}

/// Without tables that hold nothing.
fn without_empty(table: Table) -> Table {
    let values = table.into_iter().map(|(key, value)| match value {
        Value::Table(table) => (key, Value::Table(without_empty(table))),
        value => (key, value),
    });
    values
        .filter(|(_, value)| value.as_table().is_none_or(|table| !table.is_empty()))
        .collect()
}
