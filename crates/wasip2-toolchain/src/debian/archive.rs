//! Debian's archive: its mirrors, and the keys that sign its indexes.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::apt::Apt;
use super::machine::Machine;
use crate::packages::DATA;
use crate::sources::Sources;
use wasip2_ground::files::hex;
use wasip2_ground::{Console, Process};

/// Where every suite of Debian can be had.
#[derive(Debug)]
pub struct Archive {
    /// The addresses of mirrors, the most probable first.
    pub mirrors: Vec<String>,
    /// The file with the keys that an index must be signed with.
    pub keyring: PathBuf,
    /// Its content.
    keys: Vec<u8>,
    /// Whether an index is taken that is older than it may be.
    pub allow_expired: bool,
}

impl Archive {
    /// What `sources` names, else what this machine has.
    pub fn find(sources: &Sources, console: &Console) -> Result<Archive> {
        let keyring = keyring(sources)?;
        let keys = std::fs::read(&keyring)
            .with_context(|| format!("the keyring {} could not be read", keyring.display()))?;
        let mirrors = match &sources.mirror {
            Some(mirror) => vec![clean(mirror)?],
            None => configured_mirrors(console)?,
        };
        Ok(Archive {
            mirrors,
            keyring,
            keys,
            allow_expired: sources.allow_expired,
        })
    }

    /// apt for one suite of one mirror, in a directory below `indexes`. What
    /// was fetched with other keys or from another mirror is not seen.
    pub fn apt(&self, mirror: &str, suite: &str, indexes: &Path, machine: &Machine) -> Apt {
        let identity = Sha256::new()
            .chain_update(mirror)
            .chain_update(&self.keys)
            .finalize();
        let directory = indexes.join(format!("{suite}-{}", hex(&identity[..4])));
        let (architecture, component) = (&machine.architecture, &DATA.component);
        // apt takes the kind of a keyring from its name.
        let keyring = match self.keys.starts_with(b"-----BEGIN") {
            true => "etc/trusted.gpg.d/archive.asc",
            false => "etc/trusted.gpg.d/archive.gpg",
        };
        let source = format!("deb [arch={architecture}] {mirror} {suite} {component}\n");
        Apt::new(directory, format!("{suite} at {mirror}"), machine)
            .setting(r#"Dir::State::status "/dev/null";"#)
            .setting(&format!(r#"APT::Architectures "{architecture}";"#))
            .file("etc/sources.list", source.into_bytes())
            .file(keyring, self.keys.clone())
    }
}

/// The keys: what the user named, else Debian's own.
fn keyring(sources: &Sources) -> Result<PathBuf> {
    if let Some(named) = &sources.keyring {
        if !named.is_file() {
            bail!("the keyring {} does not exist", named.display());
        }
        return Ok(named.clone());
    }
    DATA.keyrings.iter().find(|path| path.is_file()).cloned().with_context(|| {
        format!(
            "the keys of the Debian archive are not on this machine ({}), so its packages cannot \
             be verified; install debian-archive-keyring, or name a file with `--keyring FILE`",
            DATA.keyrings[0].display()
        )
    })
}

/// `mirror` as apt wants it in a list of sources.
fn clean(mirror: &str) -> Result<String> {
    let cleaned = mirror.trim().trim_end_matches('/');
    if cleaned.contains(char::is_whitespace) || !cleaned.contains(':') {
        bail!("`{mirror}` is not the address of a Debian archive, as http://HOST/debian");
    }
    Ok(cleaned.to_owned())
}

/// The archives that this machine's apt knows.
fn configured_mirrors(console: &Console) -> Result<Vec<String>> {
    // `apt-get indextargets` knows only what was fetched before, and a fresh
    // container has nothing; this tells what would be fetched.
    let output = Process::new("apt-get")
        .args(["update", "--print-uris"])
        .env("LC_ALL", "C")
        .output(console)?;
    let mirrors = archives(&String::from_utf8_lossy(&output.stdout));
    if mirrors.is_empty() {
        bail!(
            "apt on this machine knows no Debian mirror to take packages from{}\nname one with \
             `--mirror URL` or in CARGO_WASIP2_MIRROR",
            wasip2_ground::process::quoted_tail(&output.stderr, 3)
        );
    }
    Ok(mirrors)
}

/// The archives in the output of `apt-get update --print-uris`. Those of
/// security updates have other suites, and discs have to be put in.
fn archives(uris: &str) -> Vec<String> {
    let mut archives: Vec<String> = Vec::new();
    for line in uris.lines() {
        let Some((uri, _)) = line
            .strip_prefix('\'')
            .and_then(|rest| rest.split_once('\''))
        else {
            continue;
        };
        let Some((archive, _)) = uri.split_once("/dists/") else {
            continue;
        };
        if !archive.contains("security")
            && !archive.starts_with("cdrom:")
            && !archives.iter().any(|known| known == archive)
        {
            archives.push(archive.to_owned());
        }
    }
    // Other vendors have archives of the same form.
    archives.sort_by_key(|archive| !archive.ends_with("/debian"));
    archives
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_archives_come_first_and_security_never() {
        let uris = "\
'https://vendor.test/apt/dists/stable/InRelease' vendor.test_InRelease 0 
'http://mirror.test/debian/dists/trixie/InRelease' mirror_InRelease 0 
'http://mirror.test/debian/dists/trixie/main/binary-amd64/Packages.xz' mirror_Packages 0 
'http://mirror.test/debian-security/dists/trixie-security/InRelease' mirror_security 0 
'mirror+file:/etc/apt/mirrors/list/dists/trixie/InRelease' list_InRelease 0 
'cdrom:[Debian]/dists/trixie/InRelease' cdrom 0 
Reading package lists...";
        assert_eq!(
            archives(uris),
            [
                "http://mirror.test/debian",
                "https://vendor.test/apt",
                "mirror+file:/etc/apt/mirrors/list",
            ]
        );
    }

    #[test]
    fn a_mirror_is_an_address() {
        assert_eq!(
            clean(" http://mirror.test/debian/ ").unwrap(),
            "http://mirror.test/debian"
        );
        assert!(clean("mirror.test").is_err());
        assert!(clean("http://mirror.test/debian sid main").is_err());
    }
}
