//! apt, without root and without a trace in the system: one suite of one
//! mirror, with a configuration, a list of sources, keys and caches of its
//! own.
//!
//! apt verifies the signature of the suite's index with those keys and no
//! others, and the index's checksum of every package; it goes on with a
//! download that was broken off; and it reaches the mirror as the machine's
//! own apt does (proxy, passwords, certificates).

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::machine::Machine;
use wasip2_ground::console::{Console, Verbosity};
use wasip2_ground::files::hex;
use wasip2_ground::process::Process;

/// One suite of one mirror.
#[derive(Debug)]
pub struct Apt {
    directory: PathBuf,
    mirror: String,
    suite: String,
    /// The program that fetches one file.
    helper: PathBuf,
}

/// A package in an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    pub package: String,
    pub version: String,
    pub architecture: String,
    /// Where the mirror has its file.
    pub path: String,
    pub sha256: String,
    /// The size of its file in bytes.
    pub size: u64,
}

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

impl Apt {
    /// Names its directory below `indexes`. What was fetched with other keys
    /// or from another mirror is not seen.
    pub fn of(indexes: &Path, machine: &Machine, mirror: &str, suite: &str) -> Apt {
        let identity = Sha256::new()
            .chain_update(mirror)
            .chain_update(&machine.keys)
            .finalize();
        let identity = hex(&identity[..4]);
        Apt {
            directory: indexes.join(format!("{suite}-{identity}")),
            mirror: mirror.to_owned(),
            suite: suite.to_owned(),
            helper: machine.helper.clone(),
        }
    }

    /// Writes the private configuration, without which nothing else works.
    pub fn configure(&self, machine: &Machine, component: &str) -> Result<()> {
        let Apt {
            directory,
            mirror,
            suite,
            ..
        } = self;
        let path = directory
            .to_str()
            .filter(|path| !path.contains(['"', '\\']))
            .with_context(|| {
                format!(
                    "apt cannot use the directory {}, because of its name",
                    directory.display()
                )
            })?;
        let make = || -> std::io::Result<()> {
            for name in [
                "state/lists/partial",
                "cache/archives/partial",
                "keys",
                "empty",
            ] {
                fs::create_dir_all(directory.join(name))?;
            }
            // apt takes the kind of a keyring from its name.
            let armored = machine.keys.starts_with(b"-----BEGIN");
            let keyring = if armored {
                "archive.asc"
            } else {
                "archive.gpg"
            };
            fs::write(directory.join("keys").join(keyring), &machine.keys)?;
            fs::write(
                directory.join("sources.list"),
                format!(
                    "deb [arch={}] {mirror} {suite} {component}\n",
                    machine.architecture
                ),
            )?;
            let connection = machine.connection.join("\n");
            fs::write(
                directory.join("apt.conf"),
                format!(
                    r#"// Written anew at each use. What follows replaces the system's settings.
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
Acquire::Retries "2";
{connection}
Dir::State "{path}/state";
Dir::State::status "/dev/null";
Dir::Cache "{path}/cache";
Dir::Etc::main "{path}/empty/none";
Dir::Etc::parts "{path}/empty";
Dir::Etc::preferences "{path}/empty/none";
Dir::Etc::preferencesparts "{path}/empty";
Dir::Etc::sourcelist "{path}/sources.list";
Dir::Etc::sourceparts "{path}/empty";
Dir::Etc::trusted "{path}/empty/none";
Dir::Etc::trustedparts "{path}/keys";
APT::Sandbox::User "";
APT::Architecture "{architecture}";
APT::Architectures "{architecture}";
// Whatever fails makes the exit status fail, too.
APT::Update::Error-Mode "any";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false";
Acquire::Check-Date "true";
Acquire::Languages "none";
Acquire::PDiffs "false";
Acquire::GzipIndexes "true";
"#,
                    architecture = machine.architecture,
                ),
            )
        };
        make().with_context(|| format!("{} could not be written", directory.display()))
    }

    /// The address of the mirror.
    pub fn mirror(&self) -> &str {
        &self.mirror
    }

    /// Whether an earlier run has fetched the index.
    pub fn has_index(&self) -> bool {
        fs::read_dir(self.directory.join("state/lists")).is_ok_and(|entries| {
            entries
                .filter_map(Result::ok)
                .any(|entry| entry.file_name().to_string_lossy().contains("_Packages"))
        })
    }

    /// Fetches the index and verifies its signature.
    pub fn update(&self, check_validity: bool, console: &Console) -> Result<Result<(), Trouble>> {
        let index = format!("index of {}", self.suite);
        let spinner = console.spinner("Updating", &index);
        let validity = format!("Acquire::Check-Valid-Until={check_validity}");
        let result = self.run(
            "apt-get",
            &["update", "-o", &validity],
            &self.directory,
            |percent| spinner.set_message(format!("{index} {percent:.0}%")),
            console,
        );
        spinner.finish_and_clear();
        Ok(result?.1)
    }

    /// The versions of `package` in the index, the highest first.
    pub fn versions(&self, package: &str, console: &Console) -> Result<Vec<Listing>> {
        // An unknown package is an error to apt-cache, and an answer to us.
        let (stdout, _) = self.run(
            "apt-cache",
            &["show", package],
            &self.directory,
            |_| {},
            console,
        )?;
        Ok(listings(&stdout))
    }

    /// Fetches the package of `listing` to `file`, and goes on with what is
    /// there of it. A file with a wrong checksum does not stay.
    pub fn download(
        &self,
        listing: &Listing,
        file: &Path,
        console: &Console,
    ) -> Result<(), Trouble> {
        let name = format!("{} {}", listing.package, listing.version);
        console.status("Downloading", &name);
        let bar = console.byte_bar("Downloading", &name, listing.size);
        let result = self.download_with(
            listing,
            file,
            |percent| bar.set_position((listing.size as f64 * percent / 100.0) as u64),
            console,
        );
        bar.finish_and_clear();
        // apt renames a file that is not what it should be.
        let mut failed = file.as_os_str().to_owned();
        failed.push(".FAILED");
        let _ = fs::remove_file(failed);
        result.unwrap_or_else(|error| {
            Err(Trouble {
                kind: Kind::Other,
                text: format!("{error:#}"),
            })
        })
    }

    fn download_with(
        &self,
        listing: &Listing,
        file: &Path,
        progress: impl Fn(f64),
        console: &Console,
    ) -> Result<Result<(), Trouble>> {
        // `apt-get download` begins anew each time (apt 2.6); what it would
        // fetch, apt's helper fetches by the same code and goes on.
        let uri = format!("{}/{}", self.mirror.trim_end_matches('/'), listing.path);
        let hash = format!("SHA256:{}", listing.sha256);
        let file = file.to_str().context("the name of the file is not UTF-8")?;
        let arguments = ["download-file", &uri, file, &hash];
        Ok(self
            .run(&self.helper, &arguments, &self.directory, progress, console)?
            .1)
    }

    /// Runs a program of apt; gives back what it printed, and how it ended.
    fn run(
        &self,
        program: impl AsRef<OsStr>,
        arguments: &[&str],
        directory: &Path,
        progress: impl Fn(f64),
        console: &Console,
    ) -> Result<(String, Result<(), Trouble>)> {
        let process = Process::new(program)
            .arg("-qq")
            .args(arguments)
            // 1 is standard output, where nothing else goes with -qq.
            .args(["-o", "APT::Status-Fd=1"])
            .env("APT_CONFIG", self.directory.join("apt.conf"))
            .env("LC_ALL", "C")
            .current_dir(directory);
        let line = process.line();
        console.detail("Running", format!("`{line}`"));
        let mut command = process.into_command();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .with_context(|| format!("`{line}` could not start"))?;
        let mut pipe = child.stderr.take().expect("standard error is piped");
        let reader = std::thread::spawn(move || {
            let mut text = Vec::new();
            // What was read before an error is still worth quoting.
            let _ = pipe.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        let mut printed = String::new();
        for text in BufReader::new(child.stdout.take().expect("standard output is piped")).lines() {
            let text = text.with_context(|| format!("`{line}` could not be read"))?;
            match text.strip_prefix("dlstatus:") {
                Some(status) => {
                    if let Some(Ok(percent)) = status.split(':').nth(1).map(str::parse) {
                        progress(percent);
                    }
                }
                None => {
                    printed.push_str(&text);
                    printed.push('\n');
                }
            }
        }
        let status = child
            .wait()
            .with_context(|| format!("`{line}` could not be waited for"))?;
        let said = reader.join().expect("reading does not panic");
        if console.verbosity() >= Verbosity::Verbose {
            eprint!("{said}");
        }
        if status.success() {
            return Ok((printed, Ok(())));
        }
        if status.code().is_none() {
            bail!("`{line}` was ended ({status})");
        }
        Ok((printed, Err(Trouble::from_stderr(&said))))
    }
}

impl Trouble {
    /// Makes out what happened from apt's messages in the C locale.
    fn from_stderr(said: &str) -> Trouble {
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

/// The stanzas that `apt-cache show` prints.
fn listings(stanzas: &str) -> Vec<Listing> {
    stanzas
        .split("\n\n")
        .filter_map(|stanza| {
            let field = |name: &str| {
                stanza
                    .lines()
                    .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                    .map(|value| value.trim().to_owned())
            };
            Some(Listing {
                package: field("Package")?,
                version: field("Version")?,
                architecture: field("Architecture")?,
                path: field("Filename")?,
                sha256: field("SHA256")?,
                size: field("Size")?.parse().ok()?,
            })
        })
        .collect()
}

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

    #[test]
    fn stanzas_become_listings() {
        let stanzas = "Package: rust-src\nVersion: 1.95.0+dfsg1-2\nArchitecture: all\n\
                       Filename: pool/p.deb\nSize: 12\nSHA256: ab\nDescription: source\n more\n\n\
                       Package: rust-src\nVersion: 1.94.1\n\n";
        let [listing] = &listings(stanzas)[..] else {
            panic!("one stanza is complete")
        };
        assert_eq!(
            (
                listing.version.as_str(),
                listing.path.as_str(),
                listing.size
            ),
            ("1.95.0+dfsg1-2", "pool/p.deb", 12)
        );
    }
}
