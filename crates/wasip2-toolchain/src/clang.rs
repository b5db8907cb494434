//! A C compiler for what crates have in C: clang and llvm-ar, found on this
//! machine or in Debian's packages, with wasi-libc's headers and archives.
//!
//! cc and cmake, which build the C of crates, and bindgen ask for them by
//! variables with the target's name; where the user has set them, those are
//! taken.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::libc::libc_sysroot;
use crate::programs::{self, Found, Programs};
use wasip2_ground::files::write_whole;
use wasip2_ground::{Console, Home, Process};

/// The variables: the compiler, the archiver, the compiler's flags, and those
/// of bindgen.
pub const CC: &str = "CC_wasm32_wasip2";
const AR: &str = "AR_wasm32_wasip2";
const CFLAGS: &str = "CFLAGS_wasm32_wasip2";
const BINDGEN: &str = "BINDGEN_EXTRA_CLANG_ARGS_wasm32_wasip2";

/// The compiler, or why there is none.
#[derive(Clone, Debug)]
pub enum Clang {
    /// The user has named one.
    Named,
    Here(Compiler),
    Missing(String),
}

/// A compiler with all that it needs.
#[derive(Clone, Debug)]
pub struct Compiler {
    clang: PathBuf,
    archiver: PathBuf,
    /// wasi-libc's headers and archives.
    sysroot: PathBuf,
}

impl Clang {
    /// Looks for it.
    pub fn find(home: &Home, console: &Console) -> Result<Clang> {
        if std::env::var_os(CC).is_some_and(|compiler| !compiler.is_empty()) {
            return Ok(Clang::Named);
        }
        let clang = match program("clang", "clang", home, console)? {
            Ok(clang) => clang,
            Err(reason) => return Ok(Clang::Missing(reason)),
        };
        let targets = Process::new(&clang)
            .arg("--print-targets")
            .output(console)?;
        if !String::from_utf8_lossy(&targets.stdout).contains("wasm32") {
            return Ok(Clang::Missing(format!(
                "the installed clang does not compile to WebAssembly; {CC} may name one that does"
            )));
        }
        let archiver = match program("llvm-ar", "llvm", home, console)? {
            Ok(archiver) => archiver,
            Err(reason) => return Ok(Clang::Missing(reason)),
        };
        let sysroot = match libc_sysroot(home, console) {
            Ok(sysroot) => sysroot,
            Err(error) => return Ok(Clang::Missing(format!("{error:#}"))),
        };
        Ok(Clang::Here(Compiler {
            clang,
            archiver,
            sysroot,
        }))
    }

    /// What a build is given, or why it cannot be built: nothing where the
    /// user has named a compiler, for the flags are then the user's, too.
    pub fn variables(self) -> Result<Vec<(&'static str, String)>, String> {
        match self {
            Clang::Named => Ok(Vec::new()),
            Clang::Here(compiler) => Ok(compiler.variables().into()),
            Clang::Missing(reason) => Err(reason),
        }
    }
}

impl Compiler {
    /// The full set of variables with their values, the one place that says
    /// how C is compiled for the target: whoever builds a crate with C in it
    /// sets all of them, in the environment or in `[env]` of cargo's
    /// configuration.
    ///
    /// A component is linked of archives alone, so thread-locals (`errno` is
    /// one) are at known places; clang before 15 compiles no other for it.
    pub fn variables(&self) -> [(&'static str, String); 4] {
        let sysroot = format!("--sysroot={}", self.sysroot.display());
        [
            (CC, self.clang.display().to_string()),
            (AR, self.archiver.display().to_string()),
            (CFLAGS, format!("{sysroot} -ftls-model=local-exec")),
            (BINDGEN, sysroot),
        ]
    }

    /// The compiler.
    pub fn program(&self) -> &Path {
        &self.clang
    }
}

/// The file of `name` from `package`; or why there is none.
fn program(
    name: &str,
    package: &str,
    home: &Home,
    console: &Console,
) -> Result<Result<PathBuf, String>> {
    match programs::find(name, &["/usr/bin"], package, home, console)? {
        Found::Here(programs) => starter(name, &programs, home).map(Ok),
        Found::Missing(reason) => Ok(Err(reason)),
    }
}

/// What starts the program: itself, or where it is unpacked a script, as cc
/// cannot be told of libraries.
fn starter(name: &str, programs: &Programs, home: &Home) -> Result<PathBuf> {
    let (file, libraries) = programs.file(name);
    let Some(libraries) = libraries else {
        return Ok(file);
    };
    let script = home.directory("services/clang-for-wasm")?.join(name);
    let text = format!(
        "#!/bin/sh\nLD_LIBRARY_PATH={} exec {} \"$@\"\n",
        shlex::try_quote(&libraries.to_string_lossy())?,
        shlex::try_quote(&file.to_string_lossy())?
    );
    if !fs::read_to_string(&script).is_ok_and(|old| old == text) {
        write_whole(&script, text.as_bytes())?;
    }
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("{} could not be made a program", script.display()))?;
    Ok(script)
}
