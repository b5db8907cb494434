//! apt, without root and without a trace in the system: with a configuration,
//! an index and caches of its own.
//!
//! apt verifies the signature of each index, and the index's checksum of every
//! package; it goes on with a download that was broken off; and it reaches the
//! mirror as the machine's own apt does (proxy, passwords, certificates).

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use super::listing::{self, Listing};
use super::machine::Machine;
use super::trouble::{Kind, Trouble};
use wasip2_ground::child::{Watch, collect, finish};
use wasip2_ground::console::Verbosity;
use wasip2_ground::{Console, Process, bounded, interrupt};

/// Where the private configuration is looked for, as the system's is in `/etc`.
const DIRECTORIES: [&str; 7] = [
    "state/lists/partial",
    "cache/archives/partial",
    "etc/apt.conf.d",
    "etc/auth.conf.d",
    "etc/preferences.d",
    "etc/sources.list.d",
    "etc/trusted.gpg.d",
];

/// apt with one index.
#[derive(Debug)]
pub struct Apt {
    directory: PathBuf,
    /// What the index is of.
    name: String,
    /// The program that fetches one file.
    helper: PathBuf,
    /// `apt.conf`, a line each.
    settings: Vec<String>,
    /// Files that the configuration has beside it.
    files: Vec<(&'static str, Vec<u8>)>,
}

impl Apt {
    /// Everything is to be in `directory`; `name` is what the index is of.
    pub fn new(directory: PathBuf, name: String, machine: &Machine) -> Apt {
        Apt {
            directory,
            name,
            helper: machine.helper.clone(),
            settings: machine.connection.clone(),
            files: Vec::new(),
        }
        .setting(&format!(r#"APT::Architecture "{}";"#, machine.architecture))
    }

    /// Adds a line to the configuration.
    pub fn setting(mut self, line: &str) -> Apt {
        self.settings.push(line.to_owned());
        self
    }

    /// Adds a file to the configuration.
    pub fn file(mut self, name: &'static str, content: Vec<u8>) -> Apt {
        self.files.push((name, content));
        self
    }

    /// Writes the private configuration, without which nothing else works.
    pub fn configure(&self) -> Result<()> {
        let directory = &self.directory;
        let path = directory
            .to_str()
            .filter(|path| !path.contains(['"', '\\']))
            .with_context(|| {
                format!(
                    "apt cannot use the directory {}, because of its name",
                    directory.display()
                )
            })?;
        let configuration = format!(
            r#"// Written anew at each use. What follows replaces the system's settings.
Dir "{path}/";
Dir::State "state";
Dir::Cache "cache";
Dir::Etc "etc";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
Acquire::Retries "2";
APT::Sandbox::User "";
// Whatever fails makes the exit status fail, too.
APT::Update::Error-Mode "any";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false";
Acquire::Check-Date "true";
Acquire::Languages "none";
Acquire::PDiffs "false";
Acquire::GzipIndexes "true";
{}
"#,
            self.settings.join("\n")
        );
        let make = || -> std::io::Result<()> {
            for name in DIRECTORIES {
                fs::create_dir_all(directory.join(name))?;
            }
            for (name, content) in &self.files {
                fs::write(directory.join(name), content)?;
            }
            fs::write(directory.join("apt.conf"), configuration)
        };
        make().with_context(|| format!("{} could not be written", directory.display()))
    }

    /// Whether an earlier run has fetched the index.
    pub fn has_index(&self) -> bool {
        fs::read_dir(self.directory.join("state/lists")).is_ok_and(|entries| {
            entries
                .filter_map(Result::ok)
                .any(|entry| entry.file_name().to_string_lossy().contains("_Packages"))
        })
    }

    /// Fetches the index and verifies its signature. One that is older than it
    /// may be is told of, and used if `allow_expired`.
    pub fn update(&self, allow_expired: bool, console: &Console) -> Result<Result<(), Trouble>> {
        match self.update_with("true", console)? {
            Err(Trouble {
                kind: Kind::Expired,
                text,
            }) if allow_expired => {
                console.warn(format!(
                    "the index of {} is older than it may be, so the mirror has stopped \
                     following Debian; its signature is still checked, and so are the checksums \
                     ({text})",
                    self.name
                ));
                self.update_with("false", console)
            }
            result => Ok(result),
        }
    }

    fn update_with(&self, validity: &str, console: &Console) -> Result<Result<(), Trouble>> {
        let index = format!("index of {}", self.name);
        let spinner = console.spinner("Updating", &index);
        let validity = format!("Acquire::Check-Valid-Until={validity}");
        let result = self.run(
            "apt-get",
            &["update", "-o", &validity],
            |percent| spinner.set_message(format!("{index} {percent:.0}%")),
            console,
        );
        spinner.finish_and_clear();
        Ok(result?.1)
    }

    /// The versions of `package` in the index of `mirror`, the highest first.
    pub fn versions(&self, package: &str, mirror: &str, console: &Console) -> Result<Vec<Listing>> {
        // An unknown package is an error to apt-cache, and an answer to us.
        let (printed, _) = self.run("apt-cache", &["show", package], |_| {}, console)?;
        listing::shown(&printed, mirror)
    }

    /// Everything that would have to be installed for `package`.
    pub fn needed(
        &self,
        package: &str,
        console: &Console,
    ) -> Result<Result<Vec<Listing>, Trouble>> {
        let arguments = [
            "install",
            "--print-uris",
            "--no-install-recommends",
            "-o",
            "Acquire::ForceHash=SHA256",
            package,
        ];
        match self.run("apt-get", &arguments, |_| {}, console)? {
            (printed, Ok(())) => listing::planned(&printed).map(Ok),
            (_, Err(trouble)) => Ok(Err(trouble)),
        }
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
        let hash = format!("SHA256:{}", listing.sha256);
        let file = file.to_str().context("the name of the file is not UTF-8")?;
        let arguments = ["download-file", &listing.uri, file, &hash];
        Ok(self.run(&self.helper, &arguments, progress, console)?.1)
    }

    /// Runs a program of apt; gives back what it printed, and how it ended.
    fn run(
        &self,
        program: impl AsRef<OsStr>,
        arguments: &[&str],
        progress: impl Fn(f64),
        console: &Console,
    ) -> Result<(String, Result<(), Trouble>)> {
        interrupt::refuse()?;
        let process = Process::new(program)
            .arg("-qq")
            .args(arguments)
            // 1 is standard output, where nothing else goes with -qq.
            .args(["-o", "APT::Status-Fd=1"])
            .env("APT_CONFIG", self.directory.join("apt.conf"))
            .env("LC_ALL", "C")
            .current_dir(&self.directory);
        let line = process.line();
        console.detail("Running", format!("`{line}`"));
        let mut command = process.into_command();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .with_context(|| format!("`{line}` could not start"))?;
        let watch = Watch::over(&child);
        let said = collect(child.stderr.take());
        let mut printed = String::new();
        let stdout = child.stdout.take().expect("standard output is piped");
        for text in BufReader::new(stdout.take(bounded::DATA as u64)).lines() {
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
        drop(watch);
        let status = finish(&mut child).with_context(|| format!("`{line}` was waited for"))?;
        let said = said.recv().unwrap_or_default();
        let said = String::from_utf8_lossy(&said.bytes);
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
