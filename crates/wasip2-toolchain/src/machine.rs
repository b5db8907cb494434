//! What this machine's own apt configuration says: which mirrors, through
//! which proxy, for which architecture.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::sources::Sources;
use wasip2_ground::console::Console;
use wasip2_ground::process::Process;

/// The programs without which no package can be fetched, verified and
/// unpacked; of those in one row, one is enough.
pub const PROGRAMS: [&[&str]; 6] = [
    &["apt-get"],
    &["apt-cache"],
    &["apt-config"],
    &["dpkg-deb"],
    &["tar"],
    &["gpgv", "sqv"],
];

/// Settings of apt that tell how to reach a server.
const CONNECTION: [&str; 6] = [
    "Acquire::http",
    "Acquire::https",
    "Acquire::socks",
    "Acquire::tor",
    "Acquire::Retries",
    "Acquire::ForceIPv",
];

/// The part of the machine's apt configuration that is taken over.
#[derive(Debug)]
pub struct Machine {
    /// Debian's name of the architecture.
    pub architecture: String,
    /// apt's program that fetches one file; it is not on `PATH`.
    pub helper: PathBuf,
    /// Lines of configuration that tell how to reach a server.
    pub connection: Vec<String>,
    /// The addresses of Debian archives, the most probable first.
    pub mirrors: Vec<String>,
    /// The file with the keys that an index must be signed with.
    pub keyring: PathBuf,
    /// Its content.
    pub keys: Vec<u8>,
}

impl Machine {
    /// Asks apt; what `sources` names is taken instead of the machine's own.
    pub fn inspect(sources: &Sources, keyrings: &[PathBuf], console: &Console) -> Result<Machine> {
        let missing = missing_programs();
        if !missing.is_empty() {
            bail!(
                "the packages of Debian cannot be used here, because {} not installed; install \
                 apt, dpkg, tar and gpgv, or add the target where rustup can fetch it (`rustup \
                 target add wasm32-wasip2`)",
                match missing.as_slice() {
                    [one] => format!("{one} is"),
                    several => format!("{} are", several.join(", ")),
                }
            );
        }
        let keyring = keyring(sources, keyrings)?;
        let keys = std::fs::read(&keyring)
            .with_context(|| format!("the keyring {} could not be read", keyring.display()))?;
        let configuration = Process::new("apt-config")
            .arg("dump")
            .env("LC_ALL", "C")
            .read(console)?;
        let setting = |name: &str| {
            configuration
                .lines()
                .find_map(|line| value(line, name))
                .with_context(|| format!("`apt-config dump` printed no {name}"))
        };
        let architecture = setting("APT::Architecture")?.to_owned();
        let helper = Path::new(setting("Dir::Bin::methods")?).with_file_name("apt-helper");
        if !helper.is_file() {
            bail!(
                "apt on this machine is incomplete: {} is missing",
                helper.display()
            );
        }
        let mut connection: Vec<String> = configuration
            .lines()
            .filter(|line| CONNECTION.iter().any(|name| line.starts_with(name)))
            .map(str::to_owned)
            .collect();
        connection.extend(passwords(console)?);
        let mirrors = match &sources.mirror {
            Some(mirror) => vec![clean(mirror)?],
            None => configured_mirrors(console)?,
        };
        Ok(Machine {
            architecture,
            helper,
            connection,
            mirrors,
            keyring,
            keys,
        })
    }
}

/// Those of [`PROGRAMS`] that are not on `PATH`.
pub fn missing_programs() -> Vec<String> {
    PROGRAMS
        .iter()
        .filter(|choice| !choice.iter().any(|name| which::which(name).is_ok()))
        .map(|choice| choice.join(" or "))
        .collect()
}

/// The value in a line of `apt-config dump`.
fn value<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    line.strip_prefix(name)?
        .strip_prefix(" \"")?
        .strip_suffix("\";")
}

/// Where apt keeps the user names and passwords of mirrors, as settings.
fn passwords(console: &Console) -> Result<Vec<String>> {
    const SETTINGS: [&str; 2] = ["Dir::Etc::netrc", "Dir::Etc::netrcparts"];
    let files = Process::new("apt-config")
        .args([
            "shell",
            "file",
            "Dir::Etc::netrc/f",
            "parts",
            "Dir::Etc::netrcparts/d",
        ])
        .env("LC_ALL", "C")
        .read(console)?;
    let path = |name: &str| {
        files
            .lines()
            .find_map(|line| {
                line.strip_prefix(name)?
                    .strip_prefix("='")?
                    .strip_suffix('\'')
            })
            .filter(|path| Path::new(path).exists())
            .map(str::to_owned)
    };
    Ok(SETTINGS
        .iter()
        .zip([path("file"), path("parts")])
        .filter_map(|(setting, path)| Some(format!("{setting} \"{}\";", path?)))
        .collect())
}

/// The keys: what the user named, else Debian's own.
fn keyring(sources: &Sources, keyrings: &[PathBuf]) -> Result<PathBuf> {
    if let Some(named) = &sources.keyring {
        if !named.is_file() {
            bail!("the keyring {} does not exist", named.display());
        }
        return Ok(named.clone());
    }
    keyrings.iter().find(|path| path.is_file()).cloned().with_context(|| {
        format!(
            "the keys of the Debian archive are not on this machine ({}), so its packages cannot \
             be verified; install debian-archive-keyring, or name a file with `--keyring FILE`",
            keyrings[0].display()
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

    #[test]
    fn settings_are_read_from_the_dump() {
        assert_eq!(
            value("APT::Architecture \"amd64\";", "APT::Architecture"),
            Some("amd64")
        );
        assert_eq!(
            value("APT::Architectures:: \"amd64\";", "APT::Architecture"),
            None
        );
    }
}
