//! The steps that make the target usable, in order.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use wasip2_ground::{Console, Home, TARGET, interrupt};

use crate::debian::{self, Wanted};
use crate::install::Place;
use crate::packages::{DATA, LibcVariant};
use crate::panic::Panic;
use crate::sources::Sources;
use crate::std_build::StdBuild;
use crate::std_source::StdSource;
use crate::target::{self, Marker, Origin, State};
use crate::toolchain::Toolchain;
use crate::{libc, rustup};

/// What is to be made, and from where.
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

    /// Take an index of that archive that is older than it may be: its mirror no
    /// longer follows Debian, and what was found to be wrong since is still in it
    #[arg(long, env = "CARGO_WASIP2_ALLOW_EXPIRED")]
    allow_expired: bool,

    /// Do not use the network
    #[arg(long)]
    pub offline: bool,

    /// The sysroot to put the target into [default: that of the active rustc]
    #[arg(long, value_name = "DIR")]
    sysroot: Option<PathBuf>,

    /// Make the target again, even if it is there
    #[arg(long)]
    pub force: bool,
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
        allow_expired: sources.allow_expired,
        ..Arguments::default()
    };
    bring(&arguments, home, console)
}

impl Arguments {
    /// The variants of wasi-libc that are to be kept beside the target's.
    pub fn extra_libcs(&self) -> Result<Vec<&'static LibcVariant>> {
        Ok(match self.libc.as_deref() {
            None => Vec::new(),
            Some("all") => DATA.libc.iter().collect(),
            Some(name) => vec![libc::variant(name)?],
        })
    }

    /// Where packages come from.
    pub fn sources(&self) -> Sources {
        Sources {
            mirror: self.mirror.clone(),
            keyring: self.keyring.clone(),
            allow_expired: self.allow_expired,
        }
    }

    /// The variant that a target made from packages links.
    fn linked_libc(&self) -> Result<&'static LibcVariant> {
        match self.libc.as_deref() {
            None | Some("all") => Ok(libc::default_variant()),
            Some(name) => libc::variant(name),
        }
    }
}

/// Brings the target into its place, if it is not there.
pub fn bring(arguments: &Arguments, home: &Home, console: &Console) -> Result<Installed> {
    let toolchain = Toolchain::active(console)?;
    let sysroot = match &arguments.sysroot {
        None => toolchain.sysroot.clone(),
        Some(directory) => std::path::absolute(directory)?,
    };
    let state = target::inspect(&toolchain, &sysroot, home, console)?;
    if let (State::Whole(origin), false) = (&state, arguments.force) {
        if matches!(origin, Origin::ThisTool(_)) {
            discard_builds(&toolchain, home, console)?;
        }
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

/// Throws away what a run that was ended when the target was in its place did not
/// come to throw away.
fn discard_builds(toolchain: &Toolchain, home: &Home, console: &Console) -> Result<()> {
    if StdBuild::left(toolchain, home).is_empty() {
        return Ok(());
    }
    // Somebody else's, who makes the target again, may be among them.
    let _lock = home.lock("setup", console)?;
    for build in StdBuild::left(toolchain, home) {
        build.discard();
    }
    Ok(())
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
        if self.home.is_offline() {
            return Ok(Err("rustup would use the network (`--offline`)".to_owned()));
        }
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
        // What rustup had begun when it was interrupted may go on for a moment,
        // and is for the next run to remove.
        if !(failure.is_some() && before.is_none() && interrupt::noted()) {
            fs::remove_file(&journal)
                .with_context(|| format!("{} could not be removed", journal.display()))?;
        }
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
        let mut wanted = vec![Wanted::rust_source(&self.toolchain.release)];
        let kept = libc::kept(variant, self.home);
        if kept.is_none() {
            wanted.push(Wanted::libc(variant));
        }
        let found = debian::fetch(&wanted, &self.arguments.sources(), self.home, self.console)?;
        let source = StdSource::Package(found[0].clone());
        let libc = match kept {
            Some(libc) => libc,
            None => libc::keep(variant, &found[1], self.home, self.console)?,
        };
        let build = StdBuild::open(&self.toolchain, &source, Panic::Abort, self.home)?;
        let libraries = build.run(&self.toolchain, &source, self.home, self.console)?;
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
