//! What the standard library is compiled with, and changed by, so that panics
//! unwind.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use wasip2_ground::files::write_whole;

/// How code is compiled, std's own and what is built with it.
pub const CODE: [&str; 3] = [
    "-Cpanic=unwind",
    "-Ctarget-feature=+exception-handling",
    "-Cllvm-args=-wasm-use-legacy-eh=false",
];

/// `std_changes.toml`.
static CHANGES: LazyLock<Changes> = LazyLock::new(|| {
    toml::from_str(include_str!("std_changes.toml"))
        .expect("std_changes.toml is part of the program")
});

/// The content of `std_changes.toml`; see there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    change: Vec<Change>,
}

/// A change of the standard library's source.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    file: PathBuf,
    from: String,
    to: String,
    /// Told where it cannot be made.
    why: String,
}

/// Changes the copy of the source, once.
pub fn correct(library: &Path) -> Result<()> {
    for change in &CHANGES.change {
        let path = library.join(&change.file);
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{} could not be read", path.display()))?;
        if text.contains(&change.to) {
            // An earlier build that was broken off has done it.
            continue;
        }
        ensure!(
            text.matches(&change.from).count() == 1,
            "`{}` does not stand in {} just once, so it cannot be changed ({}); this tool does not \
             know the standard library of this compiler yet",
            change.from,
            path.display(),
            change.why
        );
        write_whole(&path, text.replace(&change.from, &change.to).as_bytes())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_made_once_and_only_where_it_fits() {
        let directory = tempfile::tempdir().unwrap();
        let change = &CHANGES.change[0];
        let path = directory.path().join(&change.file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("one {} two", change.from)).unwrap();
        correct(directory.path()).unwrap();
        let changed = format!("one {} two", change.to);
        assert_eq!(fs::read_to_string(&path).unwrap(), changed);
        correct(directory.path()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), changed);

        for other in ["nothing".to_owned(), change.from.repeat(2)] {
            fs::write(&path, other).unwrap();
            let error = correct(directory.path()).unwrap_err().to_string();
            assert!(error.contains("does not stand in"), "{error}");
        }
    }
}
