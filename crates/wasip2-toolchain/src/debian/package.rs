//! A package as a file: downloaded, verified, unpacked.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::apt::Apt;
use super::listing::Listing;
use super::trouble::{Kind, Trouble};
use wasip2_ground::files::hex;
use wasip2_ground::process::quoted_tail;
use wasip2_ground::{Console, bounded, interrupt};

/// How much is kept of what tar complains of.
const KEPT: usize = 64 << 10;

/// A package on this machine, verified.
#[derive(Clone, Debug)]
pub struct Package {
    pub name: String,
    pub version: String,
    /// The `.deb` file.
    pub file: PathBuf,
}

impl Package {
    /// What an earlier run has left in `directory`, if its content is right.
    pub fn kept(listing: &Listing, directory: &Path) -> Option<Package> {
        let file = directory.join(listing.file_name());
        (sha256(&file).ok()? == listing.sha256).then(|| Package {
            name: listing.package.clone(),
            version: listing.version.clone(),
            file,
        })
    }

    /// Gets the package of `listing` into `directory`, where what is there of
    /// it is gone on with.
    pub fn get(
        listing: &Listing,
        apt: &Apt,
        directory: &Path,
        console: &Console,
    ) -> Result<Package, Trouble> {
        if let Some(package) = Package::kept(listing, directory) {
            return Ok(package);
        }
        let file = directory.join(listing.file_name());
        let remove = || {
            // If it stays, its checksum is wrong the next time, too.
            let _ = fs::remove_file(&file);
        };
        // A file that is too short is where apt goes on.
        if fs::metadata(&file).is_ok_and(|found| found.len() >= listing.size) {
            remove();
        }
        apt.download(listing, &file, console)?;
        Package::kept(listing, directory).ok_or_else(|| {
            remove();
            Trouble {
                kind: Kind::Checksum,
                text: format!("{} is not what the index describes", file.display()),
            }
        })
    }

    /// Takes the members that match one of `patterns`, or all where there is
    /// no pattern, out of it into `directory`.
    pub fn unpack(&self, patterns: &[&str], directory: &Path, console: &Console) -> Result<()> {
        let spinner = console.spinner("Unpacking", format!("{} {}", self.name, self.version));
        // `dpkg-deb -x` would write everything, and rust-src has five times as
        // much as its standard library; dpkg-deb itself leaves this to tar, too.
        let unpacking = || -> std::io::Result<(bool, Vec<u8>)> {
            let mut members = Command::new("dpkg-deb")
                .arg("--fsys-tarfile")
                .arg(&self.file)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()?;
            let tar = Command::new("tar")
                .args(["-x", "--no-same-owner", "--wildcards"])
                .args(["--no-wildcards-match-slash", "-C"])
                .arg(directory)
                .args(patterns)
                .stdin(members.stdout.take().expect("standard output is piped"))
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn();
            let unpacked = tar.map(|mut tar| {
                let said = bounded::read(tar.stderr.take().expect("it is piped"), KEPT, |_| {});
                tar.wait().map(|status| (status.success(), said.bytes))
            });
            let read = members.wait()?;
            let (unpacked, said) = unpacked??;
            Ok((read.success() && unpacked, said))
        };
        let (done, said) = unpacking().context("dpkg-deb and tar could not be run")?;
        interrupt::refuse()?;
        spinner.finish_and_clear();
        if !done {
            bail!(
                "{} could not be unpacked{}\ndelete that file and try again",
                self.file.display(),
                quoted_tail(&said, 5)
            );
        }
        Ok(())
    }
}

fn sha256(file: &Path) -> std::io::Result<String> {
    let (mut file, mut hasher, mut chunk) = (File::open(file)?, Sha256::new(), [0; 1 << 16]);
    while let length @ 1.. = file.read(&mut chunk)? {
        hasher.update(&chunk[..length]);
    }
    Ok(hex(&hasher.finalize()))
}
