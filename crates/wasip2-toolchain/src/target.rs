//! Whether `wasm32-wasip2` is in a sysroot, whole, and by whom.
//!
//! An installation counts as whole
//! - by rustup: if rustup's list of components names it and every file of its
//!   manifest exists;
//! - by this tool: if its marker, which is written last, is of this very
//!   compiler and every file it lists has the size it lists;
//! - by anybody else (a distribution, a person): if the compiler links a test
//!   program with it. That is remembered until a file there changes.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::toolchain::Toolchain;
use wasip2_ground::process::quoted_tail;
use wasip2_ground::{Console, Home, Process, TARGET};

/// The marker's name in the target's directory.
pub const MARKER: &str = "cargo-wasip2.toml";

/// What this tool writes into an installation that it made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Marker {
    /// The tool and its version.
    pub made_by: String,
    /// The compiler's version.
    pub rustc: String,
    /// The compiler's commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit_hash: Option<String>,
    /// The variant of wasi-libc that is linked by default.
    pub libc: String,
    /// The packages it was made from, with their versions.
    pub packages: BTreeMap<String, String>,
    /// Each file, relative to the target's directory, with its size.
    pub files: BTreeMap<String, u64>,
}

/// Who made a whole installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Rustup,
    ThisTool(Box<Marker>),
    Other,
}

/// What is in the sysroot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Missing,
    Whole(Origin),
    /// Something is there that cannot be used.
    Unfit {
        /// Whether this tool made it, and so may throw it away.
        ours: bool,
        /// What is wrong, as the end of a sentence.
        reason: String,
    },
}

/// The target's directory in `sysroot`.
pub fn directory(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib").join(TARGET)
}

/// Looks at the target in `sysroot`, for the compiler of `toolchain`.
pub fn inspect(
    toolchain: &Toolchain,
    sysroot: &Path,
    home: &Home,
    console: &Console,
) -> Result<State> {
    let directory = directory(sysroot);
    if !directory.exists() {
        return Ok(State::Missing);
    }
    if directory.join(MARKER).exists() {
        return Ok(match by_this_tool(toolchain, &directory) {
            Ok(marker) => State::Whole(Origin::ThisTool(Box::new(marker))),
            Err(reason) => State::Unfit { ours: true, reason },
        });
    }
    if let Some(whole) = by_rustup(sysroot) {
        return Ok(match whole {
            Ok(()) => State::Whole(Origin::Rustup),
            Err(reason) => State::Unfit {
                ours: false,
                reason,
            },
        });
    }
    Ok(
        match by_other(toolchain, sysroot, &directory, home, console)? {
            Ok(()) => State::Whole(Origin::Other),
            Err(reason) => State::Unfit {
                ours: false,
                reason,
            },
        },
    )
}

/// The marker of what this tool has made in `directory`, or why that cannot be
/// used, as the end of a sentence.
pub fn by_this_tool(toolchain: &Toolchain, directory: &Path) -> Result<Marker, String> {
    let marker = fs::read_to_string(directory.join(MARKER))
        .map_err(|error| format!("its marker cannot be read ({error})"))?;
    let marker: Marker =
        toml::from_str(&marker).map_err(|_| "its marker cannot be understood".to_owned())?;
    if marker.rustc != toolchain.release || marker.commit_hash != toolchain.commit_hash {
        return Err(format!(
            "it was made for rustc {}, and this is rustc {}",
            marker.rustc, toolchain.release
        ));
    }
    for (name, size) in &marker.files {
        match fs::metadata(directory.join(name)) {
            Ok(found) if found.len() == *size => {}
            _ => return Err(format!("its file {name} is missing or cut short")),
        }
    }
    Ok(marker)
}

/// `None` if rustup does not know of the target in this sysroot.
fn by_rustup(sysroot: &Path) -> Option<Result<(), String>> {
    let component = format!("rust-std-{TARGET}");
    let rustlib = sysroot.join("lib/rustlib");
    fs::read_to_string(rustlib.join("components"))
        .ok()?
        .lines()
        .find(|line| *line == component)?;
    let Ok(manifest) = fs::read_to_string(rustlib.join(format!("manifest-{component}"))) else {
        return Some(Err("rustup's manifest of it is missing".to_owned()));
    };
    let missing = manifest.lines().find(|line| match line.split_once(':') {
        Some(("file", name)) => !sysroot.join(name).is_file(),
        Some(("dir", name)) => !sysroot.join(name).is_dir(),
        _ => false,
    });
    Some(match missing {
        None => Ok(()),
        Some(line) => Err(format!("rustup installed it, but {line} is missing")),
    })
}

fn by_other(
    toolchain: &Toolchain,
    sysroot: &Path,
    directory: &Path,
    home: &Home,
    console: &Console,
) -> Result<Result<(), String>> {
    for needed in ["libc.a", "crt1-command.o"] {
        if !directory.join("lib/self-contained").join(needed).is_file() {
            return Ok(Err(format!("lib/self-contained/{needed} is missing")));
        }
    }
    let proof = home
        .directory("proven")?
        .join(format!("{:016x}", fingerprint(toolchain, directory)));
    if proof.exists() {
        return Ok(Ok(()));
    }
    let linked = link(toolchain, sysroot, console)?;
    if linked.is_ok() {
        fs::write(&proof, directory.as_os_str().as_encoded_bytes())
            .with_context(|| format!("{} could not be written", proof.display()))?;
    }
    Ok(linked)
}

/// Changes when the compiler or a file of the installation changes.
fn fingerprint(toolchain: &Toolchain, directory: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&toolchain.release, &toolchain.commit_hash, directory).hash(&mut hasher);
    for entry in walkdir::WalkDir::new(directory).sort_by_file_name() {
        if let Ok(entry) = entry
            && let Ok(metadata) = entry.metadata()
        {
            (entry.path(), metadata.len(), metadata.modified().ok()).hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// Links a test program: that needs std, test and the libc.
fn link(toolchain: &Toolchain, sysroot: &Path, console: &Console) -> Result<Result<(), String>> {
    let scratch = tempfile::tempdir().context("no temporary directory could be made")?;
    let source = scratch.path().join("probe.rs");
    fs::write(
        &source,
        "#[test] fn t() { assert!(std::env::args().count() < 9, \"{:?}\", std::fs::read(\"a\")); }",
    )?;
    let output = Process::new(&toolchain.rustc)
        .args(["--edition=2024", "--test", "--target", TARGET, "--sysroot"])
        .arg(sysroot)
        .arg(&source)
        .arg("-o")
        .arg(scratch.path().join("probe.wasm"))
        .env_remove("RUSTFLAGS")
        .output(console)?;
    Ok(if output.status.success() {
        Ok(())
    } else {
        Err(format!(
            "rustc cannot link a program with it:{}",
            quoted_tail(&output.stderr, 8)
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toolchain() -> Toolchain {
        Toolchain {
            rustc: "rustc".into(),
            cargo: "cargo".into(),
            release: "1.95.0".into(),
            commit_hash: Some("59807616".into()),
            host: "x86_64-unknown-linux-gnu".into(),
            sysroot: PathBuf::new(),
        }
    }

    fn marker() -> Marker {
        Marker {
            made_by: "cargo-wasip2 0.1.0".into(),
            rustc: "1.95.0".into(),
            commit_hash: Some("59807616".into()),
            libc: "ec0effd".into(),
            packages: BTreeMap::from([("rust-src".into(), "1.95.0+dfsg1-2".into())]),
            files: BTreeMap::from([("lib/libstd.rlib".into(), 3)]),
        }
    }

    #[test]
    fn a_marker_vouches_for_this_compiler_and_these_sizes_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        fs::create_dir(path.join("lib")).unwrap();
        fs::write(path.join("lib/libstd.rlib"), "std").unwrap();
        fs::write(path.join(MARKER), toml::to_string(&marker()).unwrap()).unwrap();
        assert_eq!(by_this_tool(&toolchain(), path), Ok(marker()));

        let mut newer = toolchain();
        newer.release = "1.96.0".into();
        assert!(
            by_this_tool(&newer, path)
                .unwrap_err()
                .contains("made for rustc 1.95.0")
        );

        fs::write(path.join("lib/libstd.rlib"), "st").unwrap();
        assert!(
            by_this_tool(&toolchain(), path)
                .unwrap_err()
                .contains("cut short")
        );

        fs::write(path.join(MARKER), "made-by = ").unwrap();
        assert!(by_this_tool(&toolchain(), path).is_err());
    }

    #[test]
    fn rustup_counts_only_with_every_file_of_its_manifest() {
        let sysroot = tempfile::tempdir().unwrap();
        let rustlib = sysroot.path().join("lib/rustlib");
        fs::create_dir_all(rustlib.join("wasm32-wasip2/lib")).unwrap();
        fs::write(
            rustlib.join("components"),
            "rustc-x86_64-unknown-linux-gnu\n",
        )
        .unwrap();
        assert_eq!(by_rustup(sysroot.path()), None);

        fs::write(rustlib.join("components"), "rust-std-wasm32-wasip2\n").unwrap();
        assert!(by_rustup(sysroot.path()).unwrap().is_err());

        let file = "lib/rustlib/wasm32-wasip2/lib/libstd.rlib";
        fs::write(
            rustlib.join("manifest-rust-std-wasm32-wasip2"),
            format!("file:{file}\n"),
        )
        .unwrap();
        assert!(
            by_rustup(sysroot.path())
                .unwrap()
                .unwrap_err()
                .contains("libstd.rlib")
        );

        fs::write(sysroot.path().join(file), "").unwrap();
        assert_eq!(by_rustup(sysroot.path()), Some(Ok(())));
    }
}
