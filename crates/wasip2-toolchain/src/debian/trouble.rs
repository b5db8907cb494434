//! What apt says went wrong, told apart by its messages.

use std::fmt;

/// Why apt did not do what it was asked.
#[derive(Debug, PartialEq, Eq)]
pub struct Trouble {
    pub kind: Kind,
    /// apt's own words.
    pub text: String,
}

/// What the caller can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The index is signed, but its `Valid-Until` is over.
    Expired,
    /// The signature is wrong, by an unknown key, or missing.
    Signature,
    /// Something arrived that is not what the index describes.
    Checksum,
    /// The mirror does not have it.
    NotFound,
    /// The mirror does not answer, or stopped answering.
    Unreachable,
    Other,
}

impl Trouble {
    /// Makes out what happened from apt's messages in the C locale.
    pub fn from_stderr(said: &str) -> Trouble {
        // The gravest first: an index that is both expired and wrongly signed
        // must not pass for expired.
        const SIGNS: [(Kind, &[&str]); 5] = [
            (
                Kind::Signature,
                &[
                    "GPG error",
                    "OpenPGP signature",
                    "NO_PUBKEY",
                    "BADSIG",
                    "signatures were invalid",
                    "signatures couldn't be verified",
                    "is not signed",
                    "no longer signed",
                    "Clearsigned file isn't valid",
                    "NODATA",
                ],
            ),
            (
                Kind::Checksum,
                &["Hash Sum mismatch", "unexpected size", "Size mismatch"],
            ),
            (
                Kind::NotFound,
                &["404 ", "does not have a Release file", "File not found"],
            ),
            (
                Kind::Unreachable,
                &[
                    "Could not resolve",
                    "Temporary failure resolving",
                    "Something wicked happened resolving",
                    "Could not connect",
                    "Cannot initiate the connection",
                    "Unable to connect",
                    "onnection failed",
                    "onnection timed out",
                    "onnection refused",
                    "onnection reset",
                    "Network is unreachable",
                    "Could not handshake",
                    "Error reading from server",
                    "Undetermined Error",
                    "Data socket timed out",
                    "407 ",
                    "502 ",
                    "503 ",
                    "504 ",
                ],
            ),
            (Kind::Expired, &["is expired (invalid since"]),
        ];
        let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
        let found = SIGNS.iter().find_map(|(kind, signs)| {
            lines()
                .find(|line| signs.iter().any(|sign| line.contains(sign)))
                .map(|line| (*kind, line))
        });
        let (kind, line) = match found {
            // "The repository … does not have a Release file" is also said
            // where nothing could be connected to.
            Some((Kind::NotFound, line)) => lines()
                .find(|line| SIGNS[3].1.iter().any(|sign| line.contains(sign)))
                .map_or((Kind::NotFound, line), |line| (Kind::Unreachable, line)),
            Some(found) => found,
            None => (
                Kind::Other,
                lines()
                    .find(|line| line.starts_with("E: "))
                    .unwrap_or("it did not say why"),
            ),
        };
        let text = line
            .strip_prefix("E: ")
            .or_else(|| line.strip_prefix("W: "))
            .unwrap_or(line);
        Trouble {
            kind,
            text: text.to_owned(),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Trouble {}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(said: &str) -> Kind {
        Trouble::from_stderr(said).kind
    }

    #[test]
    fn messages_of_apt_are_told_apart() {
        assert_eq!(
            kind(
                "E: Release file for http://mirror.test/dists/sid/InRelease is expired (invalid since 16d 1h). Updates for this repository will not be applied."
            ),
            Kind::Expired
        );
        assert_eq!(
            kind(
                "W: GPG error: http://mirror.test sid InRelease: The following signatures couldn't be verified because the public key is not available: NO_PUBKEY 0E98404D386FA1D9\nE: The repository 'http://mirror.test sid InRelease' is not signed."
            ),
            Kind::Signature
        );
        assert_eq!(
            kind(
                "E: The repository 'http://mirror.test sid Release' does not have a Release file."
            ),
            Kind::NotFound
        );
        assert_eq!(
            kind(
                "E: Failed to fetch http://mirror.test/p.deb  Hash Sum mismatch\n   Hashes of expected file:"
            ),
            Kind::Checksum
        );
        assert_eq!(
            kind("E: Write error - write (28: No space left on device)"),
            Kind::Other
        );
    }

    #[test]
    fn an_unreachable_mirror_is_not_one_that_lacks_the_suite() {
        assert_eq!(
            kind(
                "W: Failed to fetch http://mirror.test/dists/sid/InRelease  Could not connect to mirror.test:80 (127.0.0.1). - connect (111: Connection refused)\nE: The repository 'http://mirror.test sid Release' does not have a Release file."
            ),
            Kind::Unreachable
        );
    }

    #[test]
    fn a_wrong_signature_outweighs_expiry() {
        assert_eq!(
            kind(
                "E: Release file for x is expired (invalid since 1d).\nW: GPG error: x: BADSIG 1234"
            ),
            Kind::Signature
        );
    }
}
