//! What an index says of a package, as apt prints it.

use anyhow::{Context, Result};
use deb822_fast::Deb822;

/// A package in an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    pub package: String,
    pub version: String,
    pub architecture: String,
    /// Where its file is.
    pub uri: String,
    pub sha256: String,
    /// The size of its file in bytes.
    pub size: u64,
}

impl Listing {
    /// The name that apt gives to the downloaded file.
    pub fn file_name(&self) -> String {
        let version = self.version.replace(':', "%3a");
        format!("{}_{version}_{}.deb", self.package, self.architecture)
    }
}

/// What `apt-cache show` prints of packages of `mirror`.
pub fn shown(stanzas: &str, mirror: &str) -> Result<Vec<Listing>> {
    let stanzas: Deb822 = stanzas
        .parse()
        .context("what `apt-cache show` printed cannot be read")?;
    let listing = |stanza: &deb822_fast::Paragraph| {
        let field = |name| stanza.get(name).map(str::to_owned);
        Some(Listing {
            package: field("Package")?,
            version: field("Version")?,
            architecture: field("Architecture")?,
            uri: format!("{mirror}/{}", stanza.get("Filename")?),
            sha256: field("SHA256")?,
            size: stanza.get("Size")?.parse().ok()?,
        })
    };
    Ok(stanzas.iter().filter_map(listing).collect())
}

/// What `apt-get install --print-uris` prints.
pub fn planned(lines: &str) -> Result<Vec<Listing>> {
    let listing = |line: &str| {
        let (uri, rest) = line.strip_prefix('\'')?.split_once("' ")?;
        let [file, size, sum] = rest.split(' ').collect::<Vec<_>>().try_into().ok()?;
        let parts = file.strip_suffix(".deb")?.split('_').collect::<Vec<_>>();
        let [package, version, architecture] = parts.try_into().ok()?;
        Some(Listing {
            package: package.to_owned(),
            version: version.replace("%3a", ":"),
            architecture: architecture.to_owned(),
            uri: uri.to_owned(),
            sha256: sum.strip_prefix("SHA256:")?.to_owned(),
            size: size.parse().ok()?,
        })
    };
    let read = |line| {
        listing(line).with_context(|| {
            format!("`apt-get install --print-uris` printed `{line}`, which is not a package")
        })
    };
    lines.lines().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stanzas_become_listings() {
        let stanzas = "Package: rust-src\nVersion: 1.95.0+dfsg1-2\nArchitecture: all\n\
                       Filename: pool/p.deb\nSize: 12\nSHA256: ab\nDescription: source\n more\n\n\
                       Package: rust-src\nVersion: 1.94.1\n\n";
        let [listing] = &shown(stanzas, "http://mirror.test").unwrap()[..] else {
            panic!("one stanza is complete")
        };
        assert_eq!(
            (listing.version.as_str(), listing.uri.as_str(), listing.size),
            ("1.95.0+dfsg1-2", "http://mirror.test/pool/p.deb", 12)
        );
    }

    #[test]
    fn what_apt_would_install_becomes_listings() {
        let line = "'http://mirror.test/pool/redis_7.0-1%7edeb_amd64.deb' \
                    redis_5%3a7.0-1~deb_amd64.deb 73908 SHA256:ab\n";
        let [listing] = &planned(line).unwrap()[..] else {
            panic!("one package")
        };
        assert_eq!(listing.version, "5:7.0-1~deb");
        assert_eq!(listing.file_name(), "redis_5%3a7.0-1~deb_amd64.deb");
        assert_eq!((listing.sha256.as_str(), listing.size), ("ab", 73908));
        // A package whose content cannot be verified is not left out.
        assert!(planned(&line.replace("SHA256:", "MD5Sum:")).is_err());
    }
}
