//! Runs a component: `cargo wasip2 host`, cargo's runner for `wasm32-wasip2`.
//!
//! The contract, which every host kept here fulfils:
//!
//! - A guest has the rights that its command line gives it and no other. What
//!   it is refused fails in the guest with the error that WASI has for it, and
//!   the host says at the end which flag would have allowed it.
//! - Standard input, output and error are this process's own; the guest's
//!   `argv[0]` is the component's file name. The host itself writes nothing to
//!   standard output.
//! - The exit code is the guest's, or [`TIMED_OUT`], or [`TRAPPED`]; an error
//!   means that the guest never started.
//! - Ctrl-C is left alone: no handler is installed, so the signal ends this
//!   process, and the guest with it, as it ends a native program. A shell
//!   shows 130.

pub mod cache;
mod command;
pub mod component;
pub mod denial;
pub mod engine;
pub mod event_loop;
pub mod external;
mod gate;
pub mod guest;
mod https;
pub mod jco;
pub mod link;
#[cfg(unix)]
mod output;
mod program;
mod rights;
mod run;
mod statistics;
mod timeout;
pub mod trap;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::console::Console;
use crate::home::Home;

pub use program::{End, Loader, Program};
pub use rights::{Directory, Rights, Variable};
pub use statistics::Statistics;
pub use timeout::parse as parse_duration;

/// The exit code where `--timeout` stopped the guest, as coreutils' `timeout`.
pub const TIMED_OUT: u8 = 124;

/// The exit code where the guest trapped: that of a native program that
/// aborts (128 + SIGABRT), as the `wasmtime` command has it.
pub const TRAPPED: u8 = 134;

/// Run a component, with no right but those that are given here.
///
/// It is made to be cargo's runner, so that `cargo run` and `cargo test` work
/// with `--target wasm32-wasip2`. In `.cargo/config.toml`:
///
///     [target.wasm32-wasip2]
///     runner = ["cargo-wasip2", "host", "--network", "--name-lookup"]
///
/// A guest that is refused something for want of a right is told so by WASI's
/// error, and you by a warning that names the flag. A trap ends with exit code
/// 134 and a backtrace.
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct HostArgs {
    #[command(flatten)]
    pub rights: Rights,

    /// Stop the guest when it has run for this long (500ms, 30s, 2m), with
    /// exit code 124; compiling it does not count
    #[arg(long, value_name = "DURATION", value_parser = timeout::parse)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// The one in this program
    Builtin,
    /// The `wasmtime` command: what `setup --wasmtime` has built, or the one on
    /// PATH
    Wasmtime,
    /// jco on Node.js; it is installed with npm when it is first used
    Jco,
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
            statistics: None,
            command,
        }
    }

    /// The component's file.
    fn component(&self) -> &Path {
        Path::new(&self.command[0])
    }

    /// The guest's arguments, beginning with the component's file name.
    fn argv(&self) -> Result<Vec<String>> {
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

/// Runs a component to its end and gives back the exit code.
///
/// Compiled components are kept in the tool's home.
///
/// After [`TIMED_OUT`], a guest that was waiting in the host is still there,
/// on a thread of its own: the caller is expected to end the process.
pub fn run(arguments: &HostArgs, home: &Home, console: &Console) -> Result<u8> {
    match arguments.host {
        Kind::Builtin => run::run(arguments, &home.directory("cache")?, console),
        Kind::Wasmtime => external::run(arguments, home, console),
        Kind::Jco => jco::run(arguments, home, console),
    }
}
