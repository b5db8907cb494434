//! What is taken from Debian: which packages, in which version, found in
//! which suite, with which checksum. The data is in `packages.toml`.
//!
//! A package that was fetched once is kept in `<home>/packages/deb` and used
//! again for as long as its checksum is right.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::apt::{Apt, Kind, Listing, Trouble};
use crate::machine::Machine;
use crate::sources::Sources;
use wasip2_ground::console::Console;
use wasip2_ground::files::hex;
use wasip2_ground::home::Home;

/// `packages.toml`.
pub static DATA: LazyLock<Data> = LazyLock::new(|| {
    toml::from_str(include_str!("packages.toml")).expect("packages.toml is part of the program")
});

/// The content of `packages.toml`; see there.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Data {
    suites: Vec<String>,
    component: String,
    pub keyrings: Vec<PathBuf>,
    rust_src: RustSource,
    pub libc: Vec<LibcVariant>,
    pub cargo_hack: Installed,
    pub cargo_semver_checks: Installed,
    pub wasmtime: Command,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RustSource {
    package: String,
    pool: String,
    #[serde(default)]
    pin: Vec<Pin>,
}

/// A build of wasi-libc.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LibcVariant {
    /// Its short name: the upstream commit.
    pub variant: String,
    /// When it is from, for people.
    pub about: String,
    /// The Rust release, as `1.95`, whose official target has it.
    pub official: Option<String>,
    package: String,
    pool: String,
    /// The Debian version without its revision.
    upstream: String,
    #[serde(default)]
    pin: Vec<Pin>,
}

/// A program that cargo installs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Installed {
    /// Exactly this version.
    pub version: String,
}

/// A command of which not everything is built.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// Exactly this version.
    pub version: String,
    /// The features that are.
    pub features: Vec<String>,
}

/// A version whose content is known beforehand.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pin {
    version: String,
    sha256: String,
    /// The size of its file in bytes.
    size: u64,
}

/// A package to look for.
#[derive(Clone, Debug)]
pub struct Wanted {
    package: String,
    /// The directory of its files in an archive.
    pool: String,
    /// The Debian version without epoch, revision and repacking suffix.
    upstream: String,
    pins: Vec<Pin>,
    /// What it is for, with the advice where no suite has it.
    purpose: Purpose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Rust,
    Libc,
}

/// A package on this machine, verified.
#[derive(Clone, Debug)]
pub struct Package {
    pub name: String,
    pub version: String,
    /// The `.deb` file.
    pub file: PathBuf,
}

/// The source of the standard library of rustc `release`.
pub fn rust_source(release: &str) -> Wanted {
    Wanted {
        package: DATA.rust_src.package.clone(),
        pool: DATA.rust_src.pool.clone(),
        // Debian writes a pre-release so that it sorts before the release.
        upstream: release.replacen('-', "~", 1),
        pins: DATA.rust_src.pin.clone(),
        purpose: Purpose::Rust,
    }
}

impl LibcVariant {
    /// The package with this variant.
    pub fn wanted(&self) -> Wanted {
        Wanted {
            package: self.package.clone(),
            pool: self.pool.clone(),
            upstream: self.upstream.clone(),
            pins: self.pin.clone(),
            purpose: Purpose::Libc,
        }
    }
}

/// `1.95.0` of `2:1.95.0+dfsg1-2~bpo13+1`.
fn upstream(version: &str) -> &str {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    let version = version.rsplit_once('-').map_or(version, |(rest, _)| rest);
    ["+dfsg", "+ds"]
        .iter()
        .find_map(|repacked| Some(version.split_once(repacked)?.0))
        .unwrap_or(version)
}

impl Wanted {
    /// The best of `listings`: a pinned version before others, else the
    /// highest, which apt lists first.
    fn choose<'l>(&self, listings: &'l [Listing]) -> Option<&'l Listing> {
        let fits = || {
            listings.iter().filter(|listing| {
                listing.package == self.package
                    && listing.architecture == "all"
                    && upstream(&listing.version) == self.upstream
            })
        };
        fits()
            .find(|listing| self.pin(listing).is_some())
            .or_else(|| fits().next())
    }

    fn pin(&self, listing: &Listing) -> Option<&Pin> {
        self.pins.iter().find(|pin| pin.version == listing.version)
    }

    /// The pins of this upstream version.
    fn fitting_pins(&self) -> impl Iterator<Item = &Pin> {
        self.pins
            .iter()
            .filter(|pin| upstream(&pin.version) == self.upstream)
    }

    /// A pinned package that an earlier run has left, if its content is right.
    fn kept(&self, directory: &Path) -> Option<Package> {
        self.fitting_pins().find_map(|pin| {
            let file = directory.join(file_name(&self.package, &pin.version));
            (sha256(&file).ok()? == pin.sha256).then(|| Package {
                name: self.package.clone(),
                version: pin.version.clone(),
                file,
            })
        })
    }
}

/// The name that apt gives to a downloaded package of architecture `all`.
fn file_name(package: &str, version: &str) -> String {
    format!("{package}_{}_all.deb", version.replace(':', "%3a"))
}

fn sha256(file: &Path) -> std::io::Result<String> {
    let (mut file, mut hasher, mut chunk) = (File::open(file)?, Sha256::new(), [0; 1 << 16]);
    while let length @ 1.. = file.read(&mut chunk)? {
        hasher.update(&chunk[..length]);
    }
    Ok(hex(&hasher.finalize()))
}

/// What the indexes said on the way.
#[derive(Default)]
struct Search {
    /// The suites that were looked into.
    looked: Vec<String>,
    /// Why others could not be.
    failed: Vec<String>,
    /// Every version that was listed, by package.
    listed: Vec<(String, String)>,
}

/// Gets every package of `wanted`, in that order.
pub fn fetch(
    wanted: &[Wanted],
    sources: &Sources,
    home: &Home,
    console: &Console,
) -> Result<Vec<Package>> {
    let directory = home.directory("packages/deb")?;
    let mut packages: Vec<Option<Package>> = wanted
        .iter()
        .map(|wanted| wanted.kept(&directory))
        .collect();
    if packages.iter().any(Option::is_none) {
        Fetch::new(sources, home, console)?.fill(wanted, &mut packages, &directory)?;
    }
    Ok(packages
        .into_iter()
        .map(|package| package.expect("all were found"))
        .collect())
}

/// One run of the search through suites and mirrors.
struct Fetch<'r> {
    machine: Machine,
    /// The mirrors that have not failed, the best first.
    mirrors: Vec<String>,
    /// Where the indexes are kept.
    indexes: PathBuf,
    console: &'r Console,
}

impl<'r> Fetch<'r> {
    fn new(sources: &Sources, home: &Home, console: &'r Console) -> Result<Fetch<'r>> {
        let machine = Machine::inspect(sources, &DATA.keyrings, console)?;
        Ok(Fetch {
            mirrors: machine.mirrors.clone(),
            machine,
            indexes: home.directory("packages/index")?,
            console,
        })
    }

    fn fill(
        mut self,
        wanted: &[Wanted],
        packages: &mut [Option<Package>],
        directory: &Path,
    ) -> Result<()> {
        let mut search = Search::default();
        // An index of an earlier run saves its download; only if it does not
        // have everything are the suites asked again.
        for fresh in [false, true] {
            for suite in &DATA.suites {
                if packages.iter().all(Option::is_some) {
                    return Ok(());
                }
                let Some(apt) = self.index(suite, fresh, &mut search)? else {
                    continue;
                };
                for (wanted, package) in wanted.iter().zip(&mut *packages) {
                    if package.is_some() {
                        continue;
                    }
                    let listings = apt.versions(&wanted.package, self.console)?;
                    if fresh {
                        search.listed.extend(listings.iter().map(|listing| {
                            (
                                listing.package.clone(),
                                upstream(&listing.version).to_owned(),
                            )
                        }));
                    }
                    if let Some(listing) = wanted.choose(&listings) {
                        match self.get(&apt, wanted, listing, directory) {
                            Ok(found) => *package = Some(found),
                            // The mirror may have moved on since the index.
                            Err(trouble) if !fresh && trouble.kind == Kind::NotFound => {}
                            Err(trouble) => return Err(self.refused(listing, &apt, trouble)),
                        }
                    }
                }
            }
        }
        for (wanted, package) in wanted.iter().zip(&mut *packages) {
            if package.is_none() {
                *package = self.get_unlisted(wanted, directory)?;
            }
        }
        match wanted
            .iter()
            .zip(&*packages)
            .find(|(_, package)| package.is_none())
        {
            None => Ok(()),
            Some((wanted, _)) => Err(self.not_found(wanted, &search)),
        }
    }

    /// The index of `suite`; `None` if no mirror has it.
    fn index(&mut self, suite: &str, fresh: bool, search: &mut Search) -> Result<Option<Apt>> {
        let mut mirrors = self.mirrors.clone().into_iter();
        for mirror in mirrors.by_ref() {
            let apt = Apt::of(&self.indexes, &self.machine, &mirror, suite);
            if !fresh && !apt.has_index() {
                continue;
            }
            apt.configure(&self.machine, &DATA.component)?;
            if !fresh {
                return Ok(Some(apt));
            }
            let mut result = apt.update(true, self.console)?;
            if let Err(Trouble {
                kind: Kind::Expired,
                text,
            }) = &result
            {
                self.console.warn(format!(
                    "the index of {suite} at {mirror} is older than it may be, so the mirror has \
                     stopped following Debian; its signature is still checked, and so are the \
                     checksums ({text})"
                ));
                result = apt.update(false, self.console)?;
            }
            match result {
                Ok(()) => {
                    search.looked.push(suite.to_owned());
                    return Ok(Some(apt));
                }
                Err(trouble) => match trouble.kind {
                    Kind::NotFound => {
                        search.failed.push(format!("{mirror} has no {suite}"));
                    }
                    Kind::Unreachable => {
                        // Each further suite would wait for the same mirror.
                        self.mirrors.retain(|other| *other != mirror);
                        search.failed.push(format!("{mirror}: {}", trouble.text));
                        if self.mirrors.is_empty() && search.looked.is_empty() {
                            bail!(
                                "no Debian mirror could be reached to fetch packages from:\n  \
                                 {}\ncheck the network and the proxy, or name a mirror with \
                                 `--mirror URL`, and run `cargo wasip2 setup` again: it goes on \
                                 from what is already downloaded",
                                search.failed.join("\n  ")
                            );
                        }
                    }
                    Kind::Signature => bail!(
                        "the index of {suite} at {mirror} is not signed by a key of {}: {}\n\
                         nothing was taken from it; use another mirror with `--mirror URL`, or \
                         name the file with its keys with `--keyring FILE` if you trust them",
                        self.machine.keyring.display(),
                        trouble.text
                    ),
                    Kind::Checksum => bail!(
                        "the index of {suite} at {mirror} arrived with a wrong checksum: {}\n\
                         the mirror is being updated or something on the way changed it; try \
                         again later, or use another mirror with `--mirror URL`",
                        trouble.text
                    ),
                    Kind::Expired | Kind::Other => bail!(
                        "the index of {suite} could not be fetched from {mirror}: {}",
                        trouble.text
                    ),
                },
            }
        }
        Ok(None)
    }

    fn get(
        &self,
        apt: &Apt,
        wanted: &Wanted,
        listing: &Listing,
        directory: &Path,
    ) -> Result<Package, Trouble> {
        let file = directory.join(file_name(&listing.package, &listing.version));
        if let Some(pin) = wanted.pin(listing)
            && pin.sha256 != listing.sha256
        {
            return Err(Trouble {
                kind: Kind::Checksum,
                text: format!(
                    "the index says its SHA256 is {}, but this tool knows that version as {}",
                    listing.sha256, pin.sha256
                ),
            });
        }
        let right = || sha256(&file).is_ok_and(|sum| sum == listing.sha256);
        let remove = || {
            // If it stays, its checksum is wrong the next time, too.
            let _ = fs::remove_file(&file);
        };
        if !right() {
            // A file that is too short is where apt goes on.
            if fs::metadata(&file).is_ok_and(|found| found.len() >= listing.size) {
                remove();
            }
            apt.download(listing, &file, self.console)?;
            if !right() {
                remove();
                return Err(Trouble {
                    kind: Kind::Checksum,
                    text: format!("{} is not what the index describes", file.display()),
                });
            }
        }
        Ok(Package {
            name: listing.package.clone(),
            version: listing.version.clone(),
            file,
        })
    }

    /// A pinned package that no suite lists any more: an archive keeps its
    /// file for some time, and the pin says what must be in it.
    fn get_unlisted(&self, wanted: &Wanted, directory: &Path) -> Result<Option<Package>> {
        for mirror in &self.mirrors {
            let apt = Apt::of(&self.indexes, &self.machine, mirror, &DATA.suites[0]);
            apt.configure(&self.machine, &DATA.component)?;
            for pin in wanted.fitting_pins() {
                let file = file_name(&wanted.package, &pin.version);
                let listing = Listing {
                    package: wanted.package.clone(),
                    version: pin.version.clone(),
                    architecture: "all".to_owned(),
                    path: format!("{}/{file}", wanted.pool),
                    sha256: pin.sha256.clone(),
                    size: pin.size,
                };
                match self.get(&apt, wanted, &listing, directory) {
                    Ok(package) => return Ok(Some(package)),
                    Err(trouble) if trouble.kind == Kind::NotFound => {}
                    Err(trouble) => return Err(self.refused(&listing, &apt, trouble)),
                }
            }
        }
        Ok(None)
    }

    fn refused(&self, listing: &Listing, apt: &Apt, trouble: Trouble) -> anyhow::Error {
        let what = format!(
            "{} {} from {}",
            listing.package,
            listing.version,
            apt.mirror()
        );
        let Trouble { kind, text } = trouble;
        match kind {
            Kind::Checksum => anyhow::anyhow!(
                "{what} has a wrong checksum and was thrown away: {text}\n\
                 something on the way changed it; try again, or use another mirror with \
                 `--mirror URL`"
            ),
            _ => anyhow::anyhow!(
                "{what} could not be downloaded: {text}\n\
                 run `cargo wasip2 setup` again: it goes on from what is already downloaded"
            ),
        }
    }

    fn not_found(&self, wanted: &Wanted, search: &Search) -> anyhow::Error {
        let mut versions: Vec<&str> = search
            .listed
            .iter()
            .filter(|(package, _)| *package == wanted.package)
            .map(|(_, version)| version.as_str())
            .collect();
        versions.sort_by_key(|version| (semver::Version::parse(version).ok(), *version));
        versions.dedup();
        let mut text = match wanted.purpose {
            Purpose::Rust => format!(
                "no suite of Debian has the library source of rustc {} (package {})",
                wanted.upstream, wanted.package
            ),
            Purpose::Libc => {
                format!(
                    "no suite of Debian has {} {}",
                    wanted.package, wanted.upstream
                )
            }
        };
        if !search.looked.is_empty() {
            text += &format!("\n  looked into: {}", search.looked.join(", "));
        }
        for failed in &search.failed {
            text += &format!("\n  {failed}");
        }
        if !versions.is_empty() {
            text += &format!("\n  there is: {}", versions.join(", "));
        }
        text += match wanted.purpose {
            Purpose::Rust => {
                "\nuse a toolchain of one of those versions (`rustup toolchain install VERSION`), \
                 or add the target where rustup's server can be reached (`rustup target add \
                 wasm32-wasip2`)"
            }
            Purpose::Libc => "\nname a mirror that still has it with `--mirror URL`",
        };
        anyhow::anyhow!(text)
    }
}

/// Takes the members of `package` that match one of `patterns` out of it,
/// into a directory of its own inside `parent`.
pub fn unpack(
    package: &Package,
    patterns: &[&str],
    parent: &Path,
    console: &Console,
) -> Result<tempfile::TempDir> {
    use std::process::{Command, Stdio};

    let spinner = console.spinner("Unpacking", format!("{} {}", package.name, package.version));
    let directory = tempfile::Builder::new()
        .prefix(".unpacking-")
        .tempdir_in(parent)
        .with_context(|| format!("no directory could be made in {}", parent.display()))?;
    // `dpkg-deb -x` would write everything, and rust-src has five times as
    // much as its standard library; dpkg-deb itself leaves this to tar, too.
    let unpacking = || -> std::io::Result<(bool, Vec<u8>)> {
        let mut members = Command::new("dpkg-deb")
            .arg("--fsys-tarfile")
            .arg(&package.file)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let tar = Command::new("tar")
            .args([
                "-x",
                "--no-same-owner",
                "--wildcards",
                "--no-wildcards-match-slash",
                "-C",
            ])
            .arg(directory.path())
            .args(patterns)
            .stdin(members.stdout.take().expect("standard output is piped"))
            .output();
        let read = members.wait()?;
        let tar = tar?;
        Ok((read.success() && tar.status.success(), tar.stderr))
    };
    let (done, said) = unpacking().context("dpkg-deb and tar could not be run")?;
    spinner.finish_and_clear();
    if !done {
        bail!(
            "{} could not be unpacked{}\ndelete that file and try again",
            package.file.display(),
            wasip2_ground::process::quoted_tail(&said, 5)
        );
    }
    Ok(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_versions_name_their_upstream_version() {
        for (version, expected) in [
            ("1.95.0+dfsg1-2~bpo13+1", "1.95.0"),
            ("2:1.96.0~beta.3+dfsg1-1~exp1", "1.96.0~beta.3"),
            (
                "0.0~git20260129.ec0effd-3~bpo13+1",
                "0.0~git20260129.ec0effd",
            ),
            ("1.0+ds-1", "1.0"),
            ("1.0", "1.0"),
        ] {
            assert_eq!(upstream(version), expected, "{version}");
        }
    }

    fn listing(version: &str, architecture: &str) -> Listing {
        Listing {
            package: "rust-src".into(),
            version: version.into(),
            architecture: architecture.into(),
            path: String::new(),
            sha256: String::new(),
            size: 0,
        }
    }

    #[test]
    fn a_pinned_version_goes_before_a_higher_one() {
        let wanted = rust_source("1.95.0");
        let pinned = DATA.rust_src.pin[0].version.as_str();
        let listings = [
            listing("1.96.1+dfsg1-2", "all"),
            listing("1.95.0+dfsg1-9", "all"),
            listing(pinned, "all"),
        ];
        assert_eq!(wanted.choose(&listings).unwrap().version, pinned);
        assert_eq!(
            wanted.choose(&listings[..2]).unwrap().version,
            "1.95.0+dfsg1-9"
        );
        assert!(wanted.choose(&listings[..1]).is_none());
        assert!(
            wanted
                .choose(&[listing("1.95.0+dfsg1-9", "amd64")])
                .is_none()
        );
    }

    #[test]
    fn every_variant_of_the_libc_is_pinned_to_its_own_commit() {
        assert!(DATA.libc.len() >= 2);
        for libc in &DATA.libc {
            assert!(libc.upstream.ends_with(&libc.variant));
            assert!(!libc.pin.is_empty());
            for pin in &libc.pin {
                assert_eq!(upstream(&pin.version), libc.upstream);
                assert_eq!(pin.sha256.len(), 64);
                assert!(pin.size > 0);
            }
        }
    }
}
