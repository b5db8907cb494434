//! Packages for this machine's own release: programs, which must suit the
//! libraries that are installed.
//!
//! They come from where the machine's own apt would take them, verified with
//! the keys that it trusts: it would install as root what is only unpacked
//! here.

use anyhow::{Result, anyhow, bail, ensure};

use super::apt::Apt;
use super::machine::{self, Machine};
use super::package::Package;
use crate::sources::Sources;
use wasip2_ground::{Console, Home};

/// The files of the machine's apt that say what can be had and what is
/// installed.
const FILES: [&str; 7] = [
    "Dir::State::status/f",
    "Dir::Etc::sourcelist/f",
    "Dir::Etc::sourceparts/d",
    "Dir::Etc::trusted/f",
    "Dir::Etc::trustedparts/d",
    "Dir::Etc::preferences/f",
    "Dir::Etc::preferencesparts/d",
];

/// Gets `package` and all that it depends on, as far as it is not installed.
pub fn fetch_with_dependencies(
    package: &str,
    home: &Home,
    console: &Console,
) -> Result<Vec<Package>> {
    if let Some(lack) = machine::lack() {
        bail!(lack);
    }
    let machine = Machine::inspect(console)?;
    let index = home.directory("packages/index/release")?;
    let mut apt = Apt::new(index, "this machine's release".to_owned(), &machine);
    for file in machine::paths(&FILES, console)? {
        apt = apt.setting(&file);
    }
    apt.configure()?;
    let directory = home.directory("packages/release")?;
    let get = || -> Result<Vec<Package>> {
        let listings = apt.needed(package, console)??;
        let get = |listing| Package::get(listing, &apt, &directory, console);
        Ok(listings.iter().map(get).collect::<Result<_, _>>()?)
    };
    let packages = get().or_else(|_| {
        // There is no index yet, or the mirror has moved on since. Where one
        // of several mirrors fails, what is needed may come from the others.
        match apt.update(Sources::from_environment().allow_expired, console)? {
            Ok(()) => get(),
            Err(trouble) => get().map_err(|error| {
                anyhow!("{error} (an index of packages could not be fetched: {trouble})")
            }),
        }
    })?;
    ensure!(
        !packages.is_empty(),
        "its package is installed, but the program is not there"
    );
    Ok(packages)
}
