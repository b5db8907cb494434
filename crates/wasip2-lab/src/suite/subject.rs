//! A program of tests that can be run again and again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use super::stage::Place;
use wasip2_ground::{bounded, child};
use wasip2_host::{Directory, End, Loader, Program, Rights};

/// Something that holds tests.
pub enum Subject {
    Component(Program),
    Native(PathBuf),
}

impl Subject {
    /// Loads the program at `path`.
    pub fn load(path: &Path, place: Place, loader: &Loader, cache: &Path) -> Result<Subject> {
        Ok(match place {
            Place::Native => Subject::Native(path.to_owned()),
            Place::Component => Subject::Component(loader.load(path, cache, &rights(&[]))?),
        })
    }

    /// Runs it once, in the directory `package` and with `scratch` for its
    /// temporary files; gives back how it ended and what it wrote.
    pub fn run(
        &self,
        arguments: &[&str],
        package: &Path,
        scratch: &Path,
        limit: Duration,
    ) -> Result<(End, String)> {
        match self {
            Subject::Component(program) => {
                let argv: Vec<String> = ["test"]
                    .iter()
                    .chain(arguments)
                    .map(|word| word.to_string())
                    .collect();
                program.run(&argv, &rights(&[(scratch, "/tmp"), (package, ".")]), limit)
            }
            Subject::Native(path) => {
                let mut command = Command::new(path);
                command
                    .args(arguments)
                    .current_dir(package)
                    .env("CARGO_MANIFEST_DIR", package)
                    .env("TMPDIR", scratch);
                run_native(command, scratch, limit)
            }
        }
    }
}

/// What a test may do: all that one can do natively, as far as it goes.
fn rights(directories: &[(&Path, &str)]) -> Rights {
    Rights {
        network: true,
        name_lookup: true,
        http: true,
        directories: directories
            .iter()
            .map(|(host, guest)| Directory {
                host: host.to_path_buf(),
                guest: guest.to_string(),
            })
            .collect(),
        ..Rights::default()
    }
}

fn run_native(mut command: Command, scratch: &Path, limit: Duration) -> Result<(End, String)> {
    // Outside of the test's directory, which it may list.
    let log = tempfile::NamedTempFile::new_in(scratch.parent().unwrap_or(scratch))?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(log.reopen()?)
        .stderr(log.as_file().try_clone()?)
        .spawn()
        .with_context(|| format!("{command:?} could not be started"))?;
    let end = match child::wait_for(&mut child, limit)? {
        Some(status) => match status.code() {
            Some(code) => End::Exit(u8::try_from(code).unwrap_or(u8::MAX)),
            None => End::Trap(status.to_string()),
        },
        None => {
            child.kill()?;
            child.wait()?;
            End::TimeLimit
        }
    };
    let output = bounded::read(fs::File::open(log.path())?, bounded::TEXT, |_| {});
    Ok((end, String::from_utf8_lossy(&output.bytes).into_owned()))
}
