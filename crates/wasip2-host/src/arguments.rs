//! How a component is run and served, as the command line says it.

use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use wasip2_ground::Wasi;

use crate::rights::Rights;
use crate::routes::Routes;
use crate::timeout::parse as parse_duration;

/// Run a component, with no right but those that are given here.
///
/// It is made to be cargo's runner, so that `cargo run` and `cargo test` work
/// with `--target wasm32-wasip2`.
///
/// A guest that is refused something for want of a right is told so by WASI's
/// error, and you by a warning that names the flag. A trap ends with exit code
/// 134 and a backtrace.
#[derive(Args, Clone, Debug)]
#[command(
    verbatim_doc_comment,
    after_long_help = "In `.cargo/config.toml`:\n\n    [target.wasm32-wasip2]\n    runner = \
                       [\"cargo-wasip2\", \"host\", \"--network\", \"--name-lookup\"]"
)]
pub struct HostArgs {
    #[command(flatten)]
    pub rights: Rights,

    /// Stop the guest when it has run for this long (500ms, 30s, 2m), with
    /// exit code 124; compiling it does not count
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Option<Duration>,

    /// How the host's functions wait; a guest should see no difference
    #[arg(long, value_enum, default_value_t = Mode::Async)]
    pub mode: Mode,

    /// Which host runs the component
    #[arg(long, value_enum, env = "CARGO_WASIP2_HOST", default_value_t = Kind::Builtin)]
    pub host: Kind,

    /// Keep compiled components, so that the next start is fast (the default)
    #[arg(long, overrides_with = "no_cache")]
    cache: bool,

    /// Compile the component anew and keep nothing
    #[arg(long, overrides_with = "cache")]
    pub no_cache: bool,

    /// Compile the guest so that it can be stopped while it computes, or so that
    /// it cannot, whatever the time limits: to see what that costs
    #[arg(long, value_name = "BOOL", hide = true)]
    pub interruptible: Option<bool>,

    /// Write what the host counted to this file, as JSON: calls that wait, and
    /// resources left at the end
    #[arg(long, value_name = "FILE")]
    pub statistics: Option<PathBuf>,

    /// The component's file; everything after it is for the guest
    // One positional, so that whatever follows the component is the guest's,
    // even a word that is a flag of the host.
    #[arg(
        required = true,
        num_args = 1..,
        trailing_var_arg = true,
        value_names = ["COMPONENT", "ARGS"]
    )]
    pub command: Vec<OsString>,
}

/// How the host's WASI functions wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// On an event loop, as servers embed wasmtime
    #[default]
    Async,
    /// On the guest's own thread, as simple programs embed wasmtime
    Sync,
}

impl Mode {
    /// It as `--mode` and files have it.
    pub fn word(self) -> &'static str {
        match self {
            Mode::Async => "async",
            Mode::Sync => "sync",
        }
    }
}

/// Which host runs the component.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The one in this program
    #[default]
    Builtin,
    /// The `wasmtime` command: what `setup --wasmtime` has built, or the one on
    /// PATH
    Wasmtime,
    /// jco on Node.js; it is installed with npm when it is first used
    Jco,
    /// The one in this program that waits with poll(2), without an event loop
    /// and without HTTP
    Poll,
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(formatter)
    }
}

impl HostArgs {
    /// The arguments that run `component` with `arguments`, every option at
    /// its default.
    pub fn new(
        component: impl AsRef<Path>,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> HostArgs {
        let mut command = vec![component.as_ref().as_os_str().to_owned()];
        command.extend(arguments.into_iter().map(Into::into));
        HostArgs {
            rights: Rights::default(),
            timeout: None,
            mode: Mode::Async,
            host: Kind::Builtin,
            cache: false,
            no_cache: false,
            interruptible: None,
            statistics: None,
            command,
        }
    }

    /// The component's file.
    pub fn component(&self) -> &Path {
        Path::new(&self.command[0])
    }

    /// Whether the guest can be stopped while it computes.
    pub fn interruptible(&self) -> bool {
        self.interruptible.unwrap_or(self.timeout.is_some())
    }

    /// The guest's arguments, beginning with the component's file name.
    pub fn argv(&self) -> Result<Vec<String>> {
        let program = self.component().file_name().unwrap_or(&self.command[0]);
        std::iter::once(program)
            .chain(self.command[1..].iter().map(OsString::as_os_str))
            .map(|word| match word.to_str() {
                Some(word) => Ok(word.to_owned()),
                None => bail!("{word:?} is not UTF-8, and WASI has no other arguments"),
            })
            .collect()
    }
}

/// What clients and guests of a server may use up. Only the built-in host has
/// all of it.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Limits of the built-in host")]
pub struct ServeLimits {
    /// How long a client may take to send the head of a request, counted from
    /// the end of its last one [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub header_timeout: Option<Duration>,

    /// How long a client may send nothing of a body that the guest waits for,
    /// or take nothing of one that it is sent [default: 60s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub stall_timeout: Option<Duration>,

    /// How many connections there may be; for one more, that one is closed
    /// which has asked for nothing for the longest time [default: 10000]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: Option<u32>,

    /// How many instances there may be, each of which answers one request at a
    /// time, or several if it is for WASI 0.3; further requests wait, the newest
    /// for the shortest time, and clients that keep an instance waiting for more
    /// than half a second lose it to them. Each component of `--route` may have as
    /// many by itself: of a number for all, those that send could hold every one
    /// while they wait for those that answer [default: 1000]
    #[arg(long, value_name = "NUMBER",
        value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_instances: Option<u32>,

    /// The most memory that an instance may have, in MiB [default: 1024]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_memory: Option<u64>,
}

impl ServeLimits {
    /// See [`ServeLimits::header_timeout`].
    pub fn header_timeout(&self) -> Duration {
        self.header_timeout.unwrap_or(Duration::from_secs(30))
    }

    /// See [`ServeLimits::stall_timeout`].
    pub fn stall_timeout(&self) -> Duration {
        self.stall_timeout.unwrap_or(Duration::from_secs(60))
    }

    /// See [`ServeLimits::max_connections`].
    pub fn max_connections(&self) -> usize {
        self.max_connections.unwrap_or(10_000) as usize
    }

    /// See [`ServeLimits::max_instances`].
    pub fn max_instances(&self) -> u32 {
        self.max_instances.unwrap_or(1000)
    }

    /// The most memory that an instance may have, in bytes.
    pub fn max_memory(&self) -> usize {
        let mebibytes = self.max_memory.unwrap_or(1024);
        usize::try_from(mebibytes.saturating_mul(1 << 20)).unwrap_or(usize::MAX)
    }

    /// The flags that were given, for hosts that have no such limits.
    pub fn given(&self) -> Vec<&'static str> {
        [
            ("--header-timeout", self.header_timeout.is_some()),
            ("--stall-timeout", self.stall_timeout.is_some()),
            ("--max-connections", self.max_connections.is_some()),
            ("--max-instances", self.max_instances.is_some()),
            ("--max-memory", self.max_memory.is_some()),
        ]
        .into_iter()
        .filter_map(|(flag, given)| given.then_some(flag))
        .collect()
    }
}

/// Serve HTTP by a component that exports `wasi:http/incoming-handler`, or
/// `wasi:http/handler` of WASI 0.3, with no right but those that are given here.
///
/// It prints its URL, and serves HTTP/1.1 until Ctrl-C. A guest that traps is
/// a response of status 500 and a backtrace here; one that takes longer than
/// `--timeout` allows is status 504.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    #[command(flatten)]
    pub rights: Rights,

    /// The address to listen on; port 0 is any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub addr: SocketAddr,

    /// How many requests an instance may answer before a new one takes its place
    /// [default: 1, and 128 for a component of WASI 0.3]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_instance_reuse_count: Option<u64>,

    /// How many requests an instance of a component of WASI 0.3 may have at once
    /// [default: 16]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_instance_concurrent_reuse_count: Option<u32>,

    /// How long an instance is kept that has nothing to do
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "1s")]
    pub idle_instance_timeout: Duration,

    /// The longest that a guest may take for one request, with its response's
    /// body and all that it does afterwards (500ms, 30s, 2m)
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Option<Duration>,

    #[command(flatten)]
    pub routes: Routes,

    #[command(flatten)]
    pub limits: ServeLimits,

    /// Which host serves the component
    #[arg(long, value_enum, env = "CARGO_WASIP2_HOST", default_value_t = Kind::Builtin)]
    pub host: Kind,

    /// Compile the component anew and keep nothing
    #[arg(long)]
    pub no_cache: bool,

    /// Compile guests so that they take turns while they compute, as is usual, or
    /// so that they cannot: to see what that costs
    #[arg(long, value_name = "BOOL", hide = true)]
    pub interruptible: Option<bool>,

    /// Write what was counted to this file at the end, as JSON: requests,
    /// instances, traps, resources left
    #[arg(long, value_name = "FILE")]
    pub statistics: Option<PathBuf>,

    /// The component's file
    // A command that can build one makes this optional.
    #[arg(value_name = "COMPONENT", required = true)]
    pub component: Option<PathBuf>,
}

impl ServeArgs {
    /// How many requests an instance of a component for that version of WASI may
    /// answer.
    pub fn reuse(&self, wasi: Wasi) -> u64 {
        self.max_instance_reuse_count.unwrap_or(match wasi {
            Wasi::P2 => 1,
            Wasi::P3 => 128,
        })
    }

    /// How many of them it may have at once.
    pub fn at_once(&self, wasi: Wasi) -> Result<usize> {
        match (wasi, self.max_instance_concurrent_reuse_count) {
            (Wasi::P2, None | Some(1)) => Ok(1),
            (Wasi::P2, Some(_)) => bail!(
                "it is for WASI 0.2, whose instances have one request at a time: leave \
                 `--max-instance-concurrent-reuse-count` out, or build it for 0.3"
            ),
            (Wasi::P3, number) => Ok(number.unwrap_or(16) as usize),
        }
    }

    /// The component's file.
    pub fn component(&self) -> &Path {
        self.component
            .as_deref()
            .expect("clap asks for it, or a caller has built it")
    }
}
