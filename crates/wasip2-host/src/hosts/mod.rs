//! The hosts, each in a file of its own.

mod builtin;
mod jco;
mod poll;
mod wasmtime;

use anyhow::Result;

use wasip2_ground::{Console, Home};

use crate::arguments::{HostArgs, Kind, ServeArgs};

/// What runs and serves components; see the crate's contract.
pub trait Host {
    /// Runs a component to its end and gives back the exit code.
    fn run(&self, arguments: &HostArgs, home: &Home, console: &Console) -> Result<u8>;

    /// Serves HTTP by a component until Ctrl-C; gives back the exit code.
    fn serve(&self, arguments: &ServeArgs, home: &Home, console: &Console) -> Result<u8>;

    /// What it needs and this machine does not have, as a sentence that says
    /// what to do; `None` where it can be used.
    fn missing(&self, home: &Home, console: &Console) -> Option<String>;

    /// Installs what it needs below the tool's home; says what is there then.
    fn install(&self, home: &Home, console: &Console) -> Result<String>;
}

/// The host of that kind.
pub fn of(kind: Kind) -> &'static dyn Host {
    match kind {
        Kind::Builtin => &builtin::Builtin,
        Kind::Wasmtime => &wasmtime::Wasmtime,
        Kind::Jco => &jco::Jco,
        Kind::Poll => &poll::Poll,
    }
}
