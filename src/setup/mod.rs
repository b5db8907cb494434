//! `setup`: makes `wasm32-wasip2` usable for the active toolchain.
//!
//! The contract, which every file here keeps its part of:
//! - What is there and works is left alone, and told apart from what is not
//!   in well under a tenth of a second, because every build asks (`target`).
//! - rustup is asked first, where it manages the toolchain (`rustup`).
//! - Else the same thing is made from Debian's `rust-src` and `wasi-libc`
//!   (`packages`), fetched and verified by the machine's own apt (`machine`,
//!   `apt`), built by the toolchain's own cargo (`std_build`).
//! - Nothing is installed in the system, and no root is needed: everything is
//!   below the tool's home, but for the target in the sysroot.
//! - It may be interrupted at any moment. The target comes into place whole,
//!   by one rename (`install`), and the next run goes on from what is there.
//! - Every variant of wasi-libc can be had beside the target's (`libc`), and a
//!   second target, whose panics unwind, beside the toolchain's (`unwinding`).

mod apt;
mod cargo;
mod cargo_hack;
mod cargo_tool;
mod findings;
mod install;
mod jco;
mod libc;
mod machine;
mod packages;
mod panic;
mod rustup;
mod semver_checks;
mod std_build;
mod std_source;
mod target;
mod toolchain;
mod unwinding;
mod wasmtime;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Serialize;

use crate::console::Console;
use crate::home::Home;

pub use cargo_hack::cargo_hack;
pub use findings::{Condition, Finding, findings};
pub use jco::{Node, jco};
pub use libc::{Libc, libc_directory, libc_headers};
pub use packages::Sources;
pub use panic::Panic;
pub use semver_checks::semver_checks;
pub use target::Origin;
pub use toolchain::Toolchain;
pub use unwinding::Unwinding;
pub use wasmtime::wasmtime;

use install::Place;
use std_build::StdBuild;
use std_source::StdSource;
use target::{Marker, State};

/// The target that all of this is about.
pub const TARGET: &str = "wasm32-wasip2";

/// Make the target wasm32-wasip2 usable for the active toolchain.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Arguments {
    /// Also keep this variant of wasi-libc, or all of them; a target that is
    /// made from packages links it by default
    #[arg(long, value_name = "VARIANT|all")]
    libc: Option<String>,

    /// Where the target comes from
    #[arg(long, value_enum, default_value_t, value_name = "WAY")]
    from: From,

    /// The Debian archive to fetch packages from [default: the one that this
    /// machine's apt uses]
    #[arg(
        long,
        value_name = "URL",
        env = "CARGO_WASIP2_MIRROR",
        hide_env_values = true
    )]
    mirror: Option<String>,

    /// The file with the keys of that archive [default: Debian's]
    #[arg(long, value_name = "FILE", env = "CARGO_WASIP2_KEYRING")]
    keyring: Option<PathBuf>,

    /// The sysroot to put the target into [default: that of the active rustc]
    #[arg(long, value_name = "DIR")]
    sysroot: Option<PathBuf>,

    /// Make the target again, even if it is there
    #[arg(long)]
    force: bool,

    /// Also fetch the pinned cargo-hack, which walks the features of a crate
    #[arg(long)]
    cargo_hack: bool,

    /// Also build the pinned `wasmtime` command, for `--host wasmtime`; it takes
    /// some ten minutes
    #[arg(long)]
    wasmtime: bool,

    /// Also install the pinned jco with npm, for `--host jco`
    #[arg(long)]
    jco: bool,

    /// What a panic does: `unwind` also makes a second standard library, kept
    /// beside the toolchain's, whose panics can be caught
    #[arg(long, value_enum, default_value_t, value_name = "STRATEGY")]
    panic: Panic,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// A way to get the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum From {
    /// rustup, and where that fails packages
    #[default]
    Auto,
    /// rustup only
    Rustup,
    /// Debian packages only
    Packages,
}

/// A target that can be used.
#[derive(Clone, Debug)]
pub struct Installed {
    pub toolchain: Toolchain,
    /// Where the target is.
    pub sysroot: PathBuf,
    pub origin: Origin,
    /// Whether it was not there before.
    pub made: bool,
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

/// The verb.
pub fn run(arguments: &Arguments, home: &Home, console: &Console) -> Result<()> {
    let extra = match arguments.libc.as_deref() {
        None => Vec::new(),
        Some("all") => packages::DATA.libc.iter().collect(),
        Some(name) => vec![libc::variant(name)?],
    };
    let installed = bring(arguments, home, console)?;
    if arguments.cargo_hack {
        let program = cargo_hack(home, console)?;
        console.status("Ready", format!("cargo-hack in {}", program.display()));
    }
    if arguments.wasmtime {
        let program = wasmtime::bring(home, console)?;
        console.status("Ready", format!("wasmtime in {}", program.display()));
    }
    if arguments.jco {
        let node = Node::find(console)?;
        let directory = jco(home, console)?;
        console.status(
            "Ready",
            format!(
                "jco in {}, on Node.js {}",
                directory.display(),
                node.version
            ),
        );
    }
    if !extra.is_empty() {
        let _lock = home.lock("setup", console)?;
        for variant in &extra {
            libc::get(variant, &arguments.sources(), home, console)?;
        }
    }
    if arguments.panic == Panic::Unwind {
        let unwinding = unwinding::make(&installed, arguments, home, console)?;
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
            variants: packages::DATA
                .libc
                .iter()
                .filter_map(|variant| libc::kept(variant, home))
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

/// The variant of wasi-libc that is linked by default, as far as it is known.
pub fn linked_libc(installed: &Installed, home: &Home) -> Option<String> {
    match &installed.origin {
        Origin::ThisTool(marker) => Some(marker.libc.clone()),
        _ => {
            let directory = target::directory(&installed.sysroot);
            libc::recognize(&directory.join("lib/self-contained/libc.a"), home)
        }
    }
}

/// Makes sure that the target is there, for verbs that build. Silent if it
/// is.
pub fn ensure(home: &Home, console: &Console) -> Result<Installed> {
    let sources = Sources::from_environment();
    let arguments = Arguments {
        mirror: sources.mirror,
        keyring: sources.keyring,
        ..Arguments::default()
    };
    bring(&arguments, home, console)
}

impl Installed {
    /// The target to build for instead, where panics are to unwind; made where
    /// it is missing.
    pub fn unwinding(
        &self,
        panic: Panic,
        home: &Home,
        console: &Console,
    ) -> Result<Option<Unwinding>> {
        match panic {
            Panic::Abort => Ok(None),
            Panic::Unwind => unwinding::unwinding(self, home, console).map(Some),
        }
    }
}

impl Arguments {
    fn sources(&self) -> Sources {
        Sources {
            mirror: self.mirror.clone(),
            keyring: self.keyring.clone(),
        }
    }

    /// The variant that a target made from packages links.
    fn linked_libc(&self) -> Result<&'static packages::LibcVariant> {
        match self.libc.as_deref() {
            None | Some("all") => Ok(libc::default_variant()),
            Some(name) => libc::variant(name),
        }
    }
}

/// Brings the target into its place, if it is not there.
fn bring(arguments: &Arguments, home: &Home, console: &Console) -> Result<Installed> {
    let toolchain = Toolchain::active(console)?;
    let sysroot = match &arguments.sysroot {
        None => toolchain.sysroot.clone(),
        Some(directory) => std::path::absolute(directory)?,
    };
    let state = target::inspect(&toolchain, &sysroot, home, console)?;
    if let (State::Whole(origin), false) = (&state, arguments.force) {
        return Ok(Installed {
            origin: origin.clone(),
            toolchain,
            sysroot,
            made: false,
        });
    }
    let _lock = home.lock("setup", console)?;
    let place = Place::reserve(&sysroot, console)?;
    // Another process may have done it while this one waited.
    let state = target::inspect(&toolchain, &sysroot, home, console)?;
    let setup = Setup {
        arguments,
        toolchain,
        sysroot,
        place,
        home,
        console,
    };
    let origin = setup.make(state)?;
    Ok(Installed {
        origin,
        toolchain: setup.toolchain,
        sysroot: setup.sysroot,
        made: true,
    })
}

/// One run that has something to do, with every other kept out.
struct Setup<'r> {
    arguments: &'r Arguments,
    toolchain: Toolchain,
    sysroot: PathBuf,
    place: Place,
    home: &'r Home,
    console: &'r Console,
}

impl Setup<'_> {
    fn make(&self, state: State) -> Result<Origin> {
        let directory = target::directory(&self.sysroot);
        let mut ours = true;
        match state {
            State::Missing => {}
            State::Whole(origin) if !self.arguments.force => return Ok(origin),
            State::Whole(Origin::ThisTool(_)) => {}
            State::Whole(Origin::Other) => ours = false,
            State::Whole(Origin::Rustup) => bail!(
                "{} was installed by rustup, and only rustup can make it again: run `rustup \
                 target remove {TARGET}` and then `cargo wasip2 setup`",
                directory.display()
            ),
            State::Unfit { ours: true, reason } => {
                self.console
                    .status("Replacing", format!("{TARGET}: {reason}"));
            }
            State::Unfit { ours: false, .. } if self.journal().exists() => {
                // rustup was broken off by an interrupt of this tool, and has
                // not entered into its list what it left behind.
                self.console.status(
                    "Removing",
                    format!("what an interrupted rustup left of {TARGET}"),
                );
                self.place.clear()?;
            }
            State::Unfit {
                ours: false,
                reason,
            } if self.arguments.force => {
                self.console
                    .status("Replacing", format!("{TARGET}: {reason}"));
                ours = false;
            }
            State::Unfit {
                ours: false,
                reason,
            } => bail!(
                "{} cannot be used, and this tool did not make it: {reason}\n\
                 remove it as it came (`rustup target remove {TARGET}`), or move it away and make \
                 a new one with `cargo wasip2 setup --force`",
                directory.display()
            ),
        }
        if self.arguments.from != From::Packages {
            match self.ask_rustup(ours)? {
                Ok(()) => return Ok(Origin::Rustup),
                Err(reason) if self.arguments.from == From::Rustup => bail!(
                    "{TARGET} was not installed: {reason}\n\
                     mend that, or make the target from Debian packages with `cargo wasip2 setup \
                     --from packages`"
                ),
                Err(reason) => {
                    self.console
                        .status("Falling", format!("back to Debian packages: {reason}"));
                }
            }
        }
        let marker = self.make_from_packages(ours)?;
        Ok(Origin::ThisTool(Box::new(marker)))
    }

    /// Lets rustup add the target; the error is the reason why it did not.
    fn ask_rustup(&self, ours: bool) -> Result<Result<(), String>> {
        let own = fs::canonicalize(&self.toolchain.sysroot).ok();
        if own != fs::canonicalize(&self.sysroot).ok() {
            return Ok(Err(
                "rustup installs only into its own toolchains".to_owned()
            ));
        }
        let Some(name) = self.toolchain.rustup_name() else {
            return Ok(Err("rustup does not manage the active toolchain".to_owned()));
        };
        // rustup refuses to write over files that it does not know.
        let before = match self.place.set_aside(ours) {
            Ok(before) => before,
            Err(error) => return Ok(Err(format!("{error:#}"))),
        };
        let journal = self.journal();
        fs::write(&journal, &name)
            .with_context(|| format!("{} could not be written", journal.display()))?;
        let added = rustup::add_target(&name, &self.sysroot, self.console)?;
        let state = target::inspect(&self.toolchain, &self.sysroot, self.home, self.console)?;
        let failure = match (added, state) {
            (_, State::Whole(Origin::Rustup)) => None,
            (Err(reason), _) => Some(reason),
            (Ok(()), _) => Some(format!("rustup succeeded, but {TARGET} is not whole")),
        };
        if failure.is_some() && target::directory(&self.sysroot).exists() {
            self.place.clear()?;
        }
        fs::remove_file(&journal)
            .with_context(|| format!("{} could not be removed", journal.display()))?;
        match (&failure, before) {
            (None, Some(before)) => before.discard(self.console),
            (Some(_), Some(before)) => before.restore()?,
            (_, None) => {}
        }
        Ok(failure.map_or(Ok(()), Err))
    }

    /// A file that exists while rustup works on this sysroot for us.
    fn journal(&self) -> PathBuf {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        self.sysroot.hash(&mut hasher);
        self.home
            .root()
            .join("locks")
            .join(format!("rustup-{:016x}", hasher.finish()))
    }

    fn make_from_packages(&self, ours: bool) -> Result<Marker> {
        self.place.check_writable()?;
        let variant = self.arguments.linked_libc()?;
        let mut wanted = vec![packages::rust_source(&self.toolchain.release)];
        let kept = libc::kept(variant, self.home);
        if kept.is_none() {
            wanted.push(variant.wanted());
        }
        let found = packages::fetch(&wanted, &self.arguments.sources(), self.home, self.console)?;
        let source = StdSource::Package(found[0].clone());
        let libc = match kept {
            Some(libc) => libc,
            None => libc::keep(variant, &found[1], self.home, self.console)?,
        };
        let build = StdBuild::open(&self.toolchain, &source, Panic::Abort, self.home)?;
        let libraries = build.run(&self.toolchain, &source, self.console)?;
        let marker = Marker {
            made_by: format!("cargo-wasip2 {}", env!("CARGO_PKG_VERSION")),
            rustc: self.toolchain.release.clone(),
            commit_hash: self.toolchain.commit_hash.clone(),
            libc: libc.variant.clone(),
            packages: BTreeMap::from([
                (source.name().to_owned(), source.version().to_owned()),
                ("wasi-libc".to_owned(), libc.version.clone()),
            ]),
            files: BTreeMap::new(),
        };
        let marker = self
            .place
            .put(&libraries, &libc, &[], marker, ours, self.console)?;
        build.discard();
        self.console.status(
            "Installed",
            format!(
                "{TARGET} into {}",
                target::directory(&self.sysroot).display()
            ),
        );
        Ok(marker)
    }
}
