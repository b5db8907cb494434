//! What a guest may do, as the command line says it.
//!
//! Everything is off unless it is asked for, and the flags that take a value
//! have the syntax of the `wasmtime` command's.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, Result};
use clap::{ArgGroup, Args};
use http::uri::Authority;
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

use crate::stand_ins::StandIns;

/// What a guest may do.
#[derive(Args, Clone, Debug, Default)]
#[command(group(ArgGroup::new("sends-http").multiple(true)))]
pub struct Rights {
    /// Let the guest use the network: TCP and UDP sockets, every address
    #[arg(long, help_heading = "Rights")]
    pub network: bool,

    /// Let it look up names (DNS), as in connecting to localhost:8080
    #[arg(long, help_heading = "Rights")]
    pub name_lookup: bool,

    /// Let it send HTTP requests through the host (wasi:http); this needs no
    /// other right, for the host looks up names, connects and does TLS
    #[arg(long, group = "sends-http", help_heading = "Rights")]
    pub http: bool,

    /// Let it send HTTP requests, but to this host alone: HOST, HOST:PORT, or
    /// *.HOST for those below one; may be repeated
    #[arg(
        long,
        value_name = "HOST",
        group = "sends-http",
        conflicts_with = "http",
        help_heading = "Rights"
    )]
    pub http_allow: Vec<HostPattern>,

    /// Trust the certificates in this PEM file, beside Mozilla's, where it
    /// sends HTTPS requests
    #[arg(
        long,
        value_name = "FILE",
        requires = "sends-http",
        help_heading = "Rights"
    )]
    pub http_ca: Option<PathBuf>,

    /// Let it use a directory, under the same name or another; may be repeated
    #[arg(long = "dir", value_name = "HOST[::GUEST]", help_heading = "Rights")]
    pub directories: Vec<Directory>,

    /// Set an environment variable, or pass on this process's own; may be
    /// repeated
    #[arg(long = "env", value_name = "NAME[=VALUE]", help_heading = "Rights")]
    pub variables: Vec<Variable>,

    /// Pass on every environment variable of this process
    #[arg(long, help_heading = "Rights")]
    pub inherit_env: bool,

    #[command(flatten)]
    pub stand_ins: StandIns,
}

/// A directory that a guest may use: `HOST[::GUEST]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// Where it is for the host.
    pub host: PathBuf,
    /// What the guest calls it.
    pub guest: String,
}

impl FromStr for Directory {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Directory, Infallible> {
        let (host, guest) = text.split_once("::").unwrap_or((text, text));
        Ok(Directory {
            host: host.into(),
            guest: guest.into(),
        })
    }
}

/// Hosts that requests may be for: `HOST`, `HOST:PORT` or `*.HOST`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    /// In lower case; with a dot before it where it stands for those below.
    host: String,
    /// Any, where there is none.
    port: Option<u16>,
}

impl FromStr for HostPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<HostPattern, String> {
        let (below, rest) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let authority: Authority = (rest.parse().ok())
            .filter(|authority: &Authority| !authority.host().is_empty() && !rest.contains('@'))
            .ok_or_else(|| {
                format!("`{text}` is no host, as example.com, example.com:8080 or *.example.com")
            })?;
        let host = authority.host().to_ascii_lowercase();
        Ok(HostPattern {
            host: match below {
                true => format!(".{host}"),
                false => host,
            },
            port: authority.port_u16(),
        })
    }
}

impl HostPattern {
    /// Whether `host`, in lower case, is one of them, at that port.
    pub fn includes(&self, host: &str, port: u16) -> bool {
        let named = match self.host.starts_with('.') {
            true => host.ends_with(&self.host) && host.len() > self.host.len(),
            false => host == self.host,
        };
        named && self.port.is_none_or(|own| own == port)
    }
}

/// An environment variable for a guest: `NAME[=VALUE]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value; without one, this process's value is passed on, if any.
    pub value: Option<String>,
}

impl FromStr for Variable {
    type Err = String;

    fn from_str(text: &str) -> Result<Variable, String> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        if name.is_empty() {
            return Err("a variable needs a name before `=`".to_owned());
        }
        Ok(Variable {
            name: name.to_owned(),
            value,
        })
    }
}

impl Rights {
    /// Opens what the guest may use of the file system and the environment.
    ///
    /// The network is not granted here but asked for at each use: see
    /// [`network`](crate::wasi::p2).
    pub fn grant(&self, context: &mut WasiCtxBuilder) -> Result<()> {
        for directory in &self.directories {
            context
                .preopened_dir(&directory.host, &directory.guest, FsPerms::ReadWrite)
                .map_err(anyhow::Error::from)
                .with_context(|| {
                    format!(
                        "the directory {} (--dir) could not be opened",
                        directory.host.display()
                    )
                })?;
        }
        for (name, value) in self.environment() {
            context.env(name, value);
        }
        Ok(())
    }

    /// The guest's environment. A later setting of a name replaces an earlier
    /// one; what is not UTF-8 cannot be said in WASI and is left out.
    pub fn environment(&self) -> Vec<(String, String)> {
        let mut environment: Vec<(String, String)> = Vec::new();
        if self.inherit_env {
            environment.extend(
                std::env::vars_os().filter_map(|(name, value)| Some((text(&name)?, text(&value)?))),
            );
        }
        for variable in &self.variables {
            let value = match &variable.value {
                Some(value) => Some(value.clone()),
                None => std::env::var(&variable.name).ok(),
            };
            if let Some(value) = value {
                environment.retain(|(name, _)| *name != variable.name);
                environment.push((variable.name.clone(), value));
            }
        }
        environment
    }
}

/// The string as UTF-8, where it is that.
fn text(string: &OsStr) -> Option<String> {
    string.to_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directory_is_named_alike_unless_a_guest_name_follows() {
        let alike: Directory = "data".parse().unwrap();
        assert_eq!((alike.host.to_str(), &*alike.guest), (Some("data"), "data"));
        let other: Directory = "/srv/data::/".parse().unwrap();
        assert_eq!(
            (other.host.to_str(), &*other.guest),
            (Some("/srv/data"), "/")
        );
    }

    #[test]
    fn hosts_are_named_with_and_without_a_port() {
        let includes = |pattern: &str, host, port| {
            let pattern: HostPattern = pattern.parse().unwrap();
            pattern.includes(host, port)
        };
        assert!(includes("A.test", "a.test", 443));
        assert!(!includes("a.test", "b.a.test", 443));
        assert!(includes("a.test:80", "a.test", 80));
        assert!(!includes("a.test:80", "a.test", 443));
        assert!(includes("*.a.test", "b.a.test", 443));
        assert!(!includes("*.a.test", "a.test", 443));
        assert!(!includes("*.a.test", "ba.test", 443));
        assert!(includes("[::1]:80", "[::1]", 80));
        for text in ["", "*.", "http://a.test", "a.test/b", "user@a.test"] {
            assert!(text.parse::<HostPattern>().is_err(), "{text}");
        }
    }

    #[test]
    fn later_variable_replaces_earlier() {
        let rights = Rights {
            variables: vec!["A=1".parse().unwrap(), "A=2=3".parse().unwrap()],
            ..Rights::default()
        };
        assert_eq!(rights.environment(), [("A".to_owned(), "2=3".to_owned())]);
        assert!("=1".parse::<Variable>().is_err());
    }
}
