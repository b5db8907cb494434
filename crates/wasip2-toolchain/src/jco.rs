//! jco, which runs components on Node.js: npm installs it once, exactly as
//! `jco/package-lock.json` says, below the tool's own directory.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use sha2::{Digest, Sha256};

use wasip2_ground::files::hex;
use wasip2_ground::process::quoted_tail;
use wasip2_ground::{Console, Home, Process, Unfinished};

/// What is installed.
const PACKAGE: &str = include_str!("jco/package.json");
const LOCK: &str = include_str!("jco/package-lock.json");

/// The oldest Node.js that jco runs on.
const NODE: u64 = 20;

/// What to do where Node.js is missing.
const INSTALL: &str = "`--host jco` needs Node.js 20 or newer with npm: install them from \
                       https://nodejs.org or your system's packages (`nodejs` and `npm`)";

/// The Node.js to run it with.
#[derive(Clone, Debug)]
pub struct Node {
    /// As it names itself: `v20.20.2`.
    pub version: String,
}

impl Node {
    /// The one on `PATH`.
    pub fn find(console: &Console) -> Result<Node> {
        let said = Process::new("node")
            .or_install(INSTALL)
            .arg("--version")
            .read(console)?;
        let version = said.trim().to_owned();
        let major = version
            .strip_prefix('v')
            .and_then(|rest| rest.split('.').next())
            .and_then(|major| major.parse::<u64>().ok());
        match major {
            Some(major) if major >= NODE => Ok(Node { version }),
            _ => bail!("`node` is {version}, and jco needs Node.js {NODE} or newer; {INSTALL}"),
        }
    }
}

/// The directory with jco, if it was installed before in the right version.
pub fn kept(home: &Home) -> Option<PathBuf> {
    let directory = home.root().join(name());
    // It comes into place by a rename, whole.
    directory.is_dir().then_some(directory)
}

/// The directory whose `node_modules` has jco; installed where it is missing.
pub fn jco(home: &Home, console: &Console) -> Result<PathBuf> {
    if let Some(directory) = kept(home) {
        return Ok(directory);
    }
    let _lock = home.lock("jco", console)?;
    if let Some(directory) = kept(home) {
        return Ok(directory);
    }
    home.may_fetch("jco")?;
    let place = home.root().join(name());
    let unfinished = Unfinished::new(&home.directory("jco")?)?;
    let whole = unfinished.whole();
    fs::write(whole.join("package.json"), PACKAGE)?;
    fs::write(whole.join("package-lock.json"), LOCK)?;
    let process = Process::new("npm")
        .or_install(INSTALL)
        .current_dir(&whole)
        // No package of these has to build anything, or may.
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    let line = process.line();
    let spinner = console.spinner("Installing", "jco with npm");
    let output = process.output(console)?;
    spinner.finish_and_clear();
    ensure!(
        output.status.success(),
        "jco could not be installed: `{line}` failed ({}){}\ncheck the network and npm's registry \
         (`npm ping`), and try again",
        output.status,
        quoted_tail(&output.stderr, 12)
    );
    unfinished.put(&place)?;
    console.status("Installed", format!("jco into {}", place.display()));
    Ok(place)
}

/// Its directory below the tool's home: another one for every other version.
fn name() -> PathBuf {
    let digest = Sha256::new_with_prefix(PACKAGE)
        .chain_update(LOCK)
        .finalize();
    Path::new("jco").join(hex(&digest[..6]))
}
