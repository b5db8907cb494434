//! What is looked for in Debian's archive: a package in one upstream version.

use std::path::Path;

use super::listing::Listing;
use super::package::Package;
use crate::packages::{DATA, LibcVariant, Pin};

/// A package to look for.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub package: &'static str,
    /// The directory of its files in an archive.
    pool: &'static str,
    /// The Debian version without epoch, revision and repacking suffix.
    pub upstream: String,
    pins: &'static [Pin],
    /// What it is for, with the advice where no suite has it.
    pub purpose: Purpose,
}

/// What a package is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Rust,
    Libc,
}

/// `1.95.0` of `2:1.95.0+dfsg1-2~bpo13+1`.
pub fn upstream(version: &str) -> &str {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    let version = version.rsplit_once('-').map_or(version, |(rest, _)| rest);
    ["+dfsg", "+ds"]
        .iter()
        .find_map(|repacked| Some(version.split_once(repacked)?.0))
        .unwrap_or(version)
}

impl Wanted {
    /// The source of the standard library of rustc `release`.
    pub fn rust_source(release: &str) -> Wanted {
        Wanted {
            package: &DATA.rust_src.package,
            pool: &DATA.rust_src.pool,
            // Debian writes a pre-release so that it sorts before the release.
            upstream: release.replacen('-', "~", 1),
            pins: &DATA.rust_src.pin,
            purpose: Purpose::Rust,
        }
    }

    /// The package with this variant of wasi-libc.
    pub fn libc(variant: &'static LibcVariant) -> Wanted {
        Wanted {
            package: &variant.package,
            pool: &variant.pool,
            upstream: variant.upstream.clone(),
            pins: &variant.pin,
            purpose: Purpose::Libc,
        }
    }

    /// The best of `listings`: a pinned version before others, else the
    /// highest, which apt lists first.
    pub fn choose<'l>(&self, listings: &'l [Listing]) -> Option<&'l Listing> {
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

    /// What is known beforehand of the content of `listing`.
    pub fn pin(&self, listing: &Listing) -> Option<&Pin> {
        self.pins.iter().find(|pin| pin.version == listing.version)
    }

    /// Every pinned package of this upstream version, where `mirror` keeps it.
    pub fn pinned(&self, mirror: &str) -> impl Iterator<Item = Listing> {
        self.pins
            .iter()
            .filter(|pin| upstream(&pin.version) == self.upstream)
            .map(move |pin| {
                let mut listing = Listing {
                    package: self.package.to_owned(),
                    version: pin.version.clone(),
                    architecture: "all".to_owned(),
                    uri: String::new(),
                    sha256: pin.sha256.clone(),
                    size: pin.size,
                };
                listing.uri = format!("{mirror}/{}/{}", self.pool, listing.file_name());
                listing
            })
    }

    /// A pinned package that an earlier run has left, if its content is right.
    pub fn kept(&self, directory: &Path) -> Option<Package> {
        self.pinned("")
            .find_map(|listing| Package::kept(&listing, directory))
    }
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
            uri: String::new(),
            sha256: String::new(),
            size: 0,
        }
    }

    #[test]
    fn a_pinned_version_goes_before_a_higher_one() {
        let wanted = Wanted::rust_source("1.95.0");
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
