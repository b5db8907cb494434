//! Finds packages in the suites of Debian, whichever mirror has them.
//!
//! A package that was fetched once is kept in `<home>/packages/deb` and used
//! again for as long as its checksum is right.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};

use super::apt::Apt;
use super::archive::Archive;
use super::listing::Listing;
use super::machine::{self, Machine};
use super::package::Package;
use super::trouble::{Kind, Trouble};
use super::wanted::{Purpose, Wanted, upstream};
use crate::packages::DATA;
use crate::sources::Sources;
use wasip2_ground::{Console, Home};

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
    if home.is_offline() && first_missing(wanted, &packages).is_some() {
        let fetch = Fetch::new(sources, home, console)?;
        fetch.take_kept(wanted, &mut packages, &directory)?;
    }
    if let Some(missing) = first_missing(wanted, &packages) {
        home.may_fetch(format!("Debian's package {}", missing.package))?;
        Fetch::new(sources, home, console)?.fill(wanted, &mut packages, &directory)?;
    }
    Ok(packages
        .into_iter()
        .map(|package| package.expect("all were found"))
        .collect())
}

fn first_missing<'w>(wanted: &'w [Wanted], packages: &[Option<Package>]) -> Option<&'w Wanted> {
    let mut both = wanted.iter().zip(packages);
    both.find_map(|(wanted, package)| package.is_none().then_some(wanted))
}

/// One run of the search through suites and mirrors.
struct Fetch<'r> {
    machine: Machine,
    /// With the mirrors that have not failed.
    archive: Archive,
    /// Where the indexes are kept.
    indexes: PathBuf,
    console: &'r Console,
}

impl<'r> Fetch<'r> {
    fn new(sources: &Sources, home: &Home, console: &'r Console) -> Result<Fetch<'r>> {
        if let Some(lack) = machine::lack() {
            bail!(
                "the packages of Debian cannot be used here, because {lack}; install apt, dpkg, \
                 tar and gpgv, or add the target where rustup can fetch it (`rustup target add \
                 wasm32-wasip2`)"
            );
        }
        Ok(Fetch {
            machine: Machine::inspect(console)?,
            archive: Archive::find(sources, console)?,
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
                let Some((apt, mirror)) = self.index(suite, fresh, &mut search)? else {
                    continue;
                };
                for (wanted, package) in wanted.iter().zip(&mut *packages) {
                    if package.is_some() {
                        continue;
                    }
                    let listings = apt.versions(wanted.package, &mirror, self.console)?;
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
                            Err(trouble) => return Err(refused(listing, trouble)),
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
        match first_missing(wanted, packages) {
            None => Ok(()),
            Some(wanted) => Err(not_found(wanted, &search)),
        }
    }

    /// Takes what earlier runs have fetched, as the indexes that they have fetched
    /// list it. Nobody is asked.
    fn take_kept(
        mut self,
        wanted: &[Wanted],
        packages: &mut [Option<Package>],
        directory: &Path,
    ) -> Result<()> {
        for suite in &DATA.suites {
            let found = self.index(suite, false, &mut Search::default())?;
            let Some((apt, mirror)) = found else {
                continue;
            };
            for (wanted, package) in wanted.iter().zip(&mut *packages) {
                if package.is_none() {
                    let listings = apt.versions(wanted.package, &mirror, self.console)?;
                    let listing = wanted.choose(&listings);
                    *package = listing.and_then(|listing| Package::kept(listing, directory));
                }
            }
        }
        Ok(())
    }

    /// The index of `suite`, with the mirror that has it, if one does.
    fn index(
        &mut self,
        suite: &str,
        fresh: bool,
        search: &mut Search,
    ) -> Result<Option<(Apt, String)>> {
        for mirror in self.archive.mirrors.clone() {
            let apt = self
                .archive
                .apt(&mirror, suite, &self.indexes, &self.machine);
            if !fresh && !apt.has_index() {
                continue;
            }
            apt.configure()?;
            if !fresh {
                return Ok(Some((apt, mirror)));
            }
            match apt.update(self.archive.allow_expired, self.console)? {
                Ok(()) => {
                    search.looked.push(suite.to_owned());
                    return Ok(Some((apt, mirror)));
                }
                Err(trouble) => match trouble.kind {
                    Kind::NotFound => {
                        search.failed.push(format!("{mirror} has no {suite}"));
                    }
                    Kind::Unreachable => {
                        // Each further suite would wait for the same mirror.
                        self.archive.mirrors.retain(|other| *other != mirror);
                        search.failed.push(format!("{mirror}: {trouble}"));
                        if self.archive.mirrors.is_empty() && search.looked.is_empty() {
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
                        "the index of {suite} at {mirror} is not signed by a key of {}: {trouble}\n\
                         nothing was taken from it; use another mirror with `--mirror URL`, or \
                         name the file with its keys with `--keyring FILE` if you trust them",
                        self.archive.keyring.display()
                    ),
                    Kind::Checksum => bail!(
                        "the index of {suite} at {mirror} arrived with a wrong checksum: \
                         {trouble}\n\
                         the mirror is being updated or something on the way changed it; try \
                         again later, or use another mirror with `--mirror URL`"
                    ),
                    Kind::Expired => bail!(
                        "the index of {suite} at {mirror} is older than it may be ({trouble}): that \
                         mirror no longer follows Debian, and what was found to be wrong since is \
                         still in it\nuse another one with `--mirror URL`, or take it all the same \
                         with `--allow-expired`; its signature is checked in any case"
                    ),
                    Kind::Other => {
                        bail!("the index of {suite} could not be fetched from {mirror}: {trouble}")
                    }
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
        Package::get(listing, apt, directory, self.console)
    }

    /// A pinned package that no suite lists any more: an archive keeps its
    /// file for some time, and the pin says what must be in it.
    fn get_unlisted(&self, wanted: &Wanted, directory: &Path) -> Result<Option<Package>> {
        for mirror in &self.archive.mirrors {
            let apt = self
                .archive
                .apt(mirror, &DATA.suites[0], &self.indexes, &self.machine);
            apt.configure()?;
            for listing in wanted.pinned(mirror) {
                match self.get(&apt, wanted, &listing, directory) {
                    Ok(package) => return Ok(Some(package)),
                    Err(trouble) if trouble.kind == Kind::NotFound => {}
                    Err(trouble) => return Err(refused(&listing, trouble)),
                }
            }
        }
        Ok(None)
    }
}

/// The error where a package cannot be had though it is listed.
fn refused(listing: &Listing, trouble: Trouble) -> anyhow::Error {
    let Listing {
        package,
        version,
        uri,
        ..
    } = listing;
    match trouble.kind {
        Kind::Checksum => anyhow!(
            "{package} {version} from {uri} has a wrong checksum and was thrown away: {trouble}\n\
             something on the way changed it; try again, or use another mirror with `--mirror URL`"
        ),
        _ => anyhow!(
            "{package} {version} from {uri} could not be downloaded: {trouble}\n\
             run `cargo wasip2 setup` again: it goes on from what is already downloaded"
        ),
    }
}

/// The error where no suite has a package.
fn not_found(wanted: &Wanted, search: &Search) -> anyhow::Error {
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
    anyhow!(text)
}
