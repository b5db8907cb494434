//! `series.toml`, which a stranger may have written (`--patches`).

use std::fs;

use wasip2_series::Series;

/// A series names directories, so what is read can only name its own.
pub fn read(bytes: &[u8]) {
    let directory = tempfile::tempdir().unwrap();
    let line = directory.path().join("sample/1.2");
    fs::create_dir_all(&line).unwrap();
    fs::write(line.join("series.toml"), bytes).unwrap();
    fs::write(line.join("0001-one.patch"), "").unwrap();
    let Ok(series) = Series::read(&line) else {
        return;
    };
    for name in [series.name.clone(), series.directory_name()] {
        let inside =
            !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0']);
        assert!(inside, "{name:?} is no name of a directory");
    }
    assert!(series.serves(&series.version) || series.version.pre.as_str() != "");
    series.digest().unwrap();
}
