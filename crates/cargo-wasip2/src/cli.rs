//! The command line: `cargo wasip2 <verb>`.

use clap::{Parser, Subcommand};
use wasip2_ground::command_line::{STYLES, Shown};
use wasip2_host::HostArgs;
use wasip2_host::compose::ComposeArgs;
use wasip2_host::preinit::PreinitArgs;

use crate::apply::ApplyArgs;
use crate::doctor::DoctorArgs;
use crate::init::InitArgs;
use crate::lab::LabVerb;
use crate::run::RunArgs;
use crate::serve::ServeArgs;
use crate::setup::SetupArgs;

/// Run the async Rust ecosystem (mio, tokio, hyper, reqwest) unmodified in
/// WebAssembly components.
///
/// `cargo wasip2 run` shows it, with nothing but a Rust toolchain installed;
/// `cargo wasip2 init` makes a project of yours build.
#[derive(Debug, Parser)]
#[command(
    name = "cargo wasip2",
    bin_name = "cargo wasip2",
    version,
    styles = STYLES,
    after_help = "Exit codes: 0 success, 1 failure, 2 wrong usage, 124 time limit, 130 Ctrl-C,\n\
                  134 a guest's trap; `run` and `host` pass on the guest's own."
)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
    #[command(flatten)]
    pub shown: Shown,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    Setup(SetupArgs),
    Doctor(DoctorArgs),
    Apply(ApplyArgs),
    Init(InitArgs),
    Run(RunArgs),
    Host(HostArgs),
    Serve(Box<ServeArgs>),
    Preinit(PreinitArgs),
    Compose(ComposeArgs),
    #[command(flatten)]
    Lab(LabVerb),
}

impl Verb {
    /// Whether it is to keep from the network.
    pub fn is_offline(&self) -> bool {
        match self {
            Verb::Setup(arguments) => arguments.wanted.offline,
            Verb::Doctor(arguments) => arguments.series.offline,
            Verb::Apply(arguments) => arguments.series.offline,
            Verb::Init(arguments) => arguments.series.offline,
            Verb::Run(arguments) => arguments.series.offline,
            Verb::Serve(arguments) => arguments.series.offline,
            // These build nothing, or hand it over.
            Verb::Host(_) | Verb::Preinit(_) | Verb::Compose(_) | Verb::Lab(_) => false,
        }
    }

    /// Whether it puts what it was at in order after Ctrl-C. The others are ended
    /// by that where they are.
    pub fn puts_in_order(&self) -> bool {
        matches!(self, Verb::Setup(_) | Verb::Apply(_) | Verb::Init(_))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
