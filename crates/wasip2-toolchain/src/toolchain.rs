//! Which Rust toolchain is active: the one that `cargo build` would use here.
//!
//! The compiler is `$RUSTC`, else `$CARGO_BUILD_RUSTC`, else `rustc` on
//! `PATH`, asked in the current directory; so rustup's overrides
//! (`+toolchain`, `RUSTUP_TOOLCHAIN`, `rust-toolchain.toml`) hold.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, Result};

use wasip2_ground::{Console, Process};

/// The active toolchain.
#[derive(Clone, Debug)]
pub struct Toolchain {
    /// How to run the compiler from any directory.
    pub rustc: OsString,
    /// How to run cargo from any directory.
    pub cargo: OsString,
    /// The compiler's version, as `1.95.0`.
    pub release: String,
    /// The commit it was built from; distributions may leave it out.
    pub commit_hash: Option<String>,
    /// The target it runs on.
    pub host: String,
    /// Where it keeps its libraries.
    pub sysroot: PathBuf,
}

impl Toolchain {
    /// Asks the compiler.
    pub fn active(console: &Console) -> Result<Toolchain> {
        let program = ["RUSTC", "CARGO_BUILD_RUSTC"]
            .into_iter()
            .filter_map(std::env::var_os)
            .find(|value| !value.is_empty())
            .unwrap_or_else(|| "rustc".into());
        let ask = |arguments: &[&str]| {
            Process::new(&program)
                .args(arguments)
                .or_install("install Rust from https://rustup.rs, or set RUSTC")
                .read(console)
        };
        // The two questions cannot be put in one call, and each costs a start
        // of rustup's proxy and of rustc: ask them at the same time.
        let (version, sysroot) = std::thread::scope(|scope| {
            let sysroot = scope.spawn(|| ask(&["--print", "sysroot"]));
            let version = ask(&["-vV"]);
            (version, sysroot.join().expect("asking does not panic"))
        });
        let (version, sysroot) = (version?, sysroot?);
        let field = |name: &str| {
            version
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                .with_context(|| format!("`{} -vV` printed no `{name}`", program.to_string_lossy()))
        };
        let sysroot = PathBuf::from(sysroot.trim_end());
        // rustup's proxies choose by the current directory; the programs in
        // the sysroot are the same toolchain wherever they are started.
        let own = |name: &str| {
            let path = sysroot.join("bin").join(name);
            path.is_file().then(|| path.into_os_string())
        };
        Ok(Toolchain {
            release: field("release")?.to_owned(),
            commit_hash: field("commit-hash")
                .ok()
                .filter(|hash| *hash != "unknown")
                .map(str::to_owned),
            host: field("host")?.to_owned(),
            cargo: std::env::var_os("CARGO")
                .filter(|value| !value.is_empty())
                .or_else(|| own("cargo"))
                .unwrap_or_else(|| "cargo".into()),
            rustc: own("rustc").unwrap_or(program),
            sysroot,
        })
    }

    /// The name by which rustup knows this toolchain, if rustup can add
    /// components to it (it cannot to a toolchain that was only linked).
    pub fn rustup_name(&self) -> Option<String> {
        self.sysroot
            .join("lib/rustlib/multirust-channel-manifest.toml")
            .is_file()
            .then(|| self.sysroot.file_name()?.to_str().map(str::to_owned))?
    }
}
