//! What this machine's own apt says: for which architecture, through which
//! proxy, from which files.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use wasip2_ground::{Console, Process};

/// The programs without which no package can be fetched, verified and
/// unpacked; of those in one row, one is enough.
const PROGRAMS: [&[&str]; 6] = [
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

/// Where apt keeps the user names and passwords of mirrors.
const PASSWORDS: [&str; 2] = ["Dir::Etc::netrc/f", "Dir::Etc::netrcparts/d"];

/// The part of the machine's apt configuration that is taken over.
#[derive(Debug)]
pub struct Machine {
    /// Debian's name of the architecture.
    pub architecture: String,
    /// apt's program that fetches one file; it is not on `PATH`.
    pub helper: PathBuf,
    /// Lines of configuration that tell how to reach a server.
    pub connection: Vec<String>,
}

impl Machine {
    /// Asks apt, which is there.
    pub fn inspect(console: &Console) -> Result<Machine> {
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
        connection.extend(paths(&PASSWORDS, console)?);
        Ok(Machine {
            architecture,
            helper,
            connection,
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

/// That they are not, as "tar is not installed"; `None` where all are there.
pub fn lack() -> Option<String> {
    match missing_programs().as_slice() {
        [] => None,
        [one] => Some(format!("{one} is not installed")),
        several => Some(format!("{} are not installed", several.join(", "))),
    }
}

/// The value in a line of `apt-config dump`.
fn value<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    line.strip_prefix(name)?
        .strip_prefix(" \"")?
        .strip_suffix("\";")
}

/// Lines of configuration for those of `settings` that name what exists: each
/// is the name of a setting of apt's, with `/f` for a file or `/d` for a
/// directory.
pub fn paths(settings: &[&str], console: &Console) -> Result<Vec<String>> {
    let mut process = Process::new("apt-config").arg("shell").env("LC_ALL", "C");
    for setting in settings {
        process = process.args([&setting.replace([':', '/'], "_"), *setting]);
    }
    let printed = process.read(console)?;
    let variables = shlex::split(&printed).unwrap_or_default();
    let path = |setting: &&str| {
        let variable = format!("{}=", setting.replace([':', '/'], "_"));
        let path = variables
            .iter()
            .find_map(|word| word.strip_prefix(&variable))?;
        let (name, _) = setting.split_once('/')?;
        Path::new(path)
            .exists()
            .then(|| format!("{name} \"{path}\";"))
    };
    Ok(settings.iter().filter_map(path).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

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
