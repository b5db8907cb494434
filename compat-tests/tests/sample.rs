//! A crate of a few lines, published in a registry on loopback, with a series
//! for it: what `apply` and `init` do to tokio, in milliseconds and offline.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use wasip2_fixtures::Registry;

use crate::tool::Tool;

/// The release that the series is for.
pub const VERSION: &str = "1.2.0";

const LIBRARY: &str = "//! A sample.\n\n/// Adds one.\npub fn add(number: u32) -> u32 {\n    \
                       number + 1\n}\n\n/// Where it was built from.\npub fn origin() -> \
                       &'static str {\n    \"released\"\n}\n";

/// The registry, the series and a home for the tool, in a directory that goes
/// with it.
#[derive(Debug)]
pub struct Sample {
    pub registry: Registry,
    directory: TempDir,
}

impl Sample {
    /// Publishes `sample` 1.0.0, 1.2.0 and 2.0.0, with a series for 1.2.0.
    pub fn new() -> Sample {
        let directory = TempDir::new().unwrap();
        let registry = Registry::start().unwrap();
        registry
            .cargo_home(&directory.path().join("cargo"))
            .unwrap();
        let sample = Sample {
            registry,
            directory,
        };
        for version in ["1.0.0", "2.0.0"] {
            sample.publish("sample", version, "");
        }
        let checksum = sample.publish("sample", VERSION, "");
        sample.add_series(&sample.series(), VERSION, &checksum, "patched");
        sample
    }

    /// Publishes 2.1.0, with a series that makes it say `patched too`.
    pub fn second_line(&self) {
        let checksum = self.publish("sample", "2.1.0", "");
        let series = self.path("patches/sample/2.1");
        self.add_series(&series, "2.1.0", &checksum, "patched too");
    }

    /// Puts a series for `version` in `directory`: a patch that has the library
    /// say `word`.
    fn add_series(&self, directory: &Path, version: &str, checksum: &str, word: &str) {
        let write = |tree: &str| {
            let text = series_toml(checksum, tree).replace(VERSION, version);
            fs::write(directory.join("series.toml"), text).unwrap();
        };
        fs::create_dir_all(directory).unwrap();
        write("");
        fs::write(
            directory.join("0001-say-patched.patch"),
            patch(
                "src/lib.rs",
                10,
                "    \"released\"",
                &format!("    {word:?}"),
            ),
        )
        .unwrap();
        // A new series learns its tree from the tool's own message.
        let said = self
            .tool("apply")
            .arg(format!("sample@{version}"))
            .run()
            .failed(1);
        let tree = said
            .split("`tree = \"")
            .nth(1)
            .and_then(|rest| rest.get(..40))
            .unwrap_or_else(|| panic!("no tree is named in:\n{said}"));
        write(tree);
    }

    /// Publishes a version of `name`; gives back its checksum.
    pub fn publish(&self, name: &str, version: &str, more: &str) -> String {
        self.publish_library(name, version, more, LIBRARY)
    }

    /// Publishes a version of the sample in which `changes` have been made to
    /// the library, each an old text and a new one.
    pub fn publish_changed(&self, version: &str, changes: &[(&str, &str)]) -> String {
        let mut library = LIBRARY.to_owned();
        for (old, new) in changes {
            assert!(library.contains(old), "`{old}` is not in the library");
            library = library.replace(old, new);
        }
        self.publish_library("sample", version, "", &library)
    }

    /// Publishes 1.0.0 of a crate that compiles for no target.
    pub fn publish_broken(&self, name: &str) {
        self.publish_library(name, "1.0.0", "", "pub fn nothing() -> Nothing {}\n");
    }

    /// Publishes a version of `name` that has this library.
    pub fn publish_library(&self, name: &str, version: &str, more: &str, library: &str) -> String {
        let directory = self.path(&format!("published/{name}-{version}"));
        fs::create_dir_all(directory.join("src")).unwrap();
        fs::write(directory.join("src/lib.rs"), library).unwrap();
        fs::write(
            directory.join("Cargo.toml"),
            format!(
                "[package]\nname = \"{name}\"\nversion = \"{version}\"\nedition = \"2024\"\n\
                 description = \"A sample\"\nlicense = \"MIT\"\n{more}\n[workspace]\n"
            ),
        )
        .unwrap();
        self.registry.publish(&directory, name, version).unwrap()
    }

    /// A path below the sample's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Where the series stands.
    pub fn series(&self) -> PathBuf {
        self.path("patches/sample/1.2")
    }

    /// Where its patched tree is made.
    pub fn tree(&self) -> PathBuf {
        self.path("home/trees/sample-1.2.0")
    }

    /// The tool, with this registry, this series and a home of its own.
    pub fn tool(&self, verb: &str) -> Tool {
        Tool::new(verb)
            .env("CARGO_HOME", self.path("cargo"))
            .env("CARGO_WASIP2_HOME", self.path("home"))
            .env("CARGO_WASIP2_PATCHES", self.path("patches"))
    }

    /// A program that depends on `sample` by `requirement` and prints where
    /// it was built from.
    pub fn program(&self, requirement: &str) -> PathBuf {
        let directory = self.path("program");
        fs::create_dir_all(directory.join("src")).unwrap();
        fs::write(
            directory.join("Cargo.toml"),
            format!(
                "[package]\nname = \"program\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
                 [dependencies]\nsample = \"{requirement}\"\n\n[workspace]\n"
            ),
        )
        .unwrap();
        fs::write(
            directory.join("src/main.rs"),
            "fn main() {\n    println!(\"{}\", sample::origin());\n}\n",
        )
        .unwrap();
        directory
    }

    /// Runs cargo in `directory` with this registry; asserts success.
    pub fn cargo(&self, directory: &Path, arguments: &[&str]) -> String {
        let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(arguments)
            .current_dir(directory)
            .env("CARGO_HOME", self.path("cargo"))
            .env("CARGO_TARGET_DIR", directory.join("target"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo {arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// A `series.toml` for the sample.
pub fn series_toml(checksum: &str, tree: &str) -> String {
    format!(
        "crate = \"sample\"\nversion = \"{VERSION}\"\nchecksum = \"{checksum}\"\ntree = \
         \"{tree}\"\nadds = \"a sample\"\n\n[upstream]\nrepository = \"https://example.invalid/sample\"\npath = \"\"\n"
    )
}

/// A patch that replaces the line `old`, at `line` of the library, by `new`,
/// with a line of context on both sides.
pub fn patch(file: &str, line: usize, old: &str, new: &str) -> String {
    let lines: Vec<&str> = LIBRARY.lines().collect();
    let (before, after) = (lines[line - 2], lines[line]);
    let first = line - 1;
    format!(
        "From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001\n\
         From: cargo-wasip2 contributors <contributors@cargo-wasip2.invalid>\n\
         Date: Thu, 1 Jan 2026 00:00:00 +0000\n\
         Subject: [PATCH] Change one line\n\n\
         Upstream-Status: Inappropriate [a sample]\n---\n\n\
         diff --git a/{file} b/{file}\n--- a/{file}\n+++ b/{file}\n\
         @@ -{first},3 +{first},3 @@\n {before}\n-{old}\n+{new}\n {after}\n"
    )
}
