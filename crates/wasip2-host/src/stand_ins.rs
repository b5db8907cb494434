//! What a guest meets instead of the real thing, as the command line says it.

use std::net::IpAddr;
use std::str::FromStr;

use anyhow::{Result, bail};
use chacha20::ChaCha12Rng;
use clap::Args;
use http::Uri;
use rand_core::{Rng, SeedableRng};
use wasmtime_wasi::WasiCtxBuilder;

use crate::rights::HostPattern;

/// What a guest meets instead of the real thing.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Instead of the real thing (built-in host)")]
pub struct StandIns {
    /// Send to a URL what is for a host, as to a mock: HOST, HOST:PORT or
    /// *.HOST. The header `host` stays as it was, and no other right is needed;
    /// may be repeated
    #[arg(long, value_name = "HOST=URL", group = "sends-http")]
    pub http_map: Vec<Mapping>,

    /// Have a name stand for an address, as in /etc/hosts, for sockets and for
    /// HTTP; no right to look names up is needed for it; may be repeated
    #[arg(long, value_name = "NAME=ADDRESS")]
    pub hosts: Vec<HostName>,

    /// How time passes for the guest: `fast`, where waiting for nothing but
    /// time ends at once and the clocks say that the time is over; `frozen`,
    /// where besides they stand still while the guest computes, and begin in
    /// 2025; or a number of times as fast, as in 60x
    #[arg(long, value_name = "PACE")]
    pub clock: Option<Pace>,

    /// Draw the guest's random numbers from this seed, the same each time; they
    /// are no secrets then
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
}

/// How time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As usual, but for waits for nothing but time.
    Fast,
    /// Not, but for waits.
    Frozen,
    /// So many times as fast.
    Times(u32),
}

/// Where requests for a host go instead: `HOST=URL`.
#[derive(Clone, Debug)]
pub struct Mapping {
    hosts: HostPattern,
    url: Uri,
}

/// What a name stands for: `NAME=ADDRESS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName {
    pub name: String,
    pub address: IpAddr,
}

impl StandIns {
    /// The flags that were given, for what has none of it.
    pub fn given(&self) -> Option<&'static str> {
        [
            ("--http-map", !self.http_map.is_empty()),
            ("--hosts", !self.hosts.is_empty()),
            ("--clock", self.clock.is_some()),
            ("--seed", self.seed.is_some()),
        ]
        .into_iter()
        .find_map(|(flag, given)| given.then_some(flag))
    }

    /// An error where one was given, which `whoever` has not.
    pub fn refuse(&self, whoever: &str) -> Result<()> {
        match self.given() {
            Some(flag) => bail!("{whoever} has no `{flag}`; leave it out or use `--host builtin`"),
            None => Ok(()),
        }
    }

    /// Seeds the random numbers, if they are to be.
    pub fn seed(&self, context: &mut WasiCtxBuilder) {
        if let Some(seed) = self.seed {
            let generator = |stream| {
                let mut generator = ChaCha12Rng::seed_from_u64(seed);
                generator.set_stream(stream);
                generator
            };
            // Numbers that are next to each other would share most of what
            // hash maps make of them.
            let mut bytes = [0; 16];
            generator(2).fill_bytes(&mut bytes);
            context
                .secure_random(generator(0))
                .insecure_random(generator(1))
                .insecure_random_seed(u128::from_le_bytes(bytes));
        }
    }
}

impl FromStr for Pace {
    type Err = String;

    fn from_str(text: &str) -> Result<Pace, String> {
        match (text, text.strip_suffix('x').map(str::parse)) {
            ("fast", _) => Ok(Pace::Fast),
            ("frozen", _) => Ok(Pace::Frozen),
            (_, Some(Ok(times @ 1..))) => Ok(Pace::Times(times)),
            _ => Err("it is `fast`, `frozen`, or a number of times as in `60x`".to_owned()),
        }
    }
}

impl FromStr for HostName {
    type Err = String;

    fn from_str(text: &str) -> Result<HostName, String> {
        let (name, address) = text
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or("a name and an address are needed, as in db.test=127.0.0.1")?;
        Ok(HostName {
            name: name.to_owned(),
            address: (address.parse()).map_err(|_| format!("`{address}` is no IP address"))?,
        })
    }
}

impl FromStr for Mapping {
    type Err = String;

    fn from_str(text: &str) -> Result<Mapping, String> {
        let (hosts, url) = text
            .split_once('=')
            .ok_or("a host and a URL are needed, as in api.test=http://127.0.0.1:8000")?;
        let usable = |url: &Uri| {
            matches!(url.scheme_str(), Some("http" | "https"))
                && url.authority().is_some()
                && url.query().is_none()
        };
        let url =
            url.parse().ok().filter(usable).ok_or_else(|| {
                format!("`{url}` is no URL of a server, as http://127.0.0.1:8000 is")
            })?;
        Ok(Mapping {
            hosts: hosts.parse()?,
            url,
        })
    }
}

impl Mapping {
    /// Whether it is for requests for this host.
    pub fn is_for(&self, host: &str, port: u16) -> bool {
        self.hosts.includes(host, port)
    }

    /// Where what is for `uri` goes.
    pub fn elsewhere(&self, uri: &Uri) -> Uri {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let below = self.url.path().trim_end_matches('/');
        let mut parts = self.url.clone().into_parts();
        parts.path_and_query = format!("{below}{path}").parse().ok();
        Uri::from_parts(parts).unwrap_or_else(|_| self.url.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mapped_keeps_its_path() {
        let elsewhere = |mapping: &str, uri: &str| {
            let mapping: Mapping = mapping.parse().unwrap();
            mapping.elsewhere(&uri.parse().unwrap()).to_string()
        };
        assert_eq!(
            elsewhere("a.test=http://127.0.0.1:8000", "https://a.test/b?c=d"),
            "http://127.0.0.1:8000/b?c=d"
        );
        assert_eq!(
            elsewhere("a.test=https://b.test/c/", "http://a.test/"),
            "https://b.test/c/"
        );
        for text in ["a.test", "a.test=b.test", "=http://b", "a=ftp://b/"] {
            assert!(text.parse::<Mapping>().is_err(), "{text}");
        }
    }

    #[test]
    fn paces_and_names_are_read() {
        assert_eq!("60x".parse(), Ok(Pace::Times(60)));
        assert_eq!("fast".parse(), Ok(Pace::Fast));
        for text in ["0x", "60", "-1x", "slow", "x"] {
            assert!(text.parse::<Pace>().is_err(), "{text}");
        }
        let name: HostName = "db.test=::1".parse().unwrap();
        assert_eq!((&*name.name, name.address.is_ipv6()), ("db.test", true));
        assert!("db.test=localhost".parse::<HostName>().is_err());
    }
}
