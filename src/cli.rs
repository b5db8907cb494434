//! The command line: `cargo wasip2 <verb>`.

use clap::{ArgAction, Parser, Subcommand, ValueEnum};

use crate::apply::ApplyArgs;
use crate::bench::BenchArgs;
use crate::branch::BranchArgs;
use crate::bump::BumpArgs;
use crate::console::Verbosity;
use crate::doctor::DoctorArgs;
use crate::host::HostArgs;
use crate::init::InitArgs;
use crate::lint::LintArgs;
use crate::matrix::MatrixArgs;
use crate::preinit::PreinitArgs;
use crate::run::RunArgs;
use crate::serve::ServeArgs;
use crate::setup::Arguments as SetupArgs;
use crate::suite::SuiteArgs;
use crate::test::TestArgs;

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
    styles = clap::builder::Styles::styled()
        .header(clap::builder::styling::AnsiColor::BrightGreen.on_default().bold())
        .usage(clap::builder::styling::AnsiColor::BrightGreen.on_default().bold())
        .literal(clap::builder::styling::AnsiColor::BrightCyan.on_default().bold())
        .placeholder(clap::builder::styling::AnsiColor::Cyan.on_default()),
    after_help = "Exit codes: 0 success, 1 failure, 2 wrong usage, 124 time limit, 130 Ctrl-C,\n\
                  134 a guest's trap; `run` and `host` pass on the guest's own."
)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
    /// Say more: the commands that are run and what they print
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN")]
    pub color: Option<Color>,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Color {
    /// On a terminal
    Auto,
    /// Everywhere
    Always,
    /// Nowhere
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    Setup(SetupArgs),
    Doctor(DoctorArgs),
    Apply(ApplyArgs),
    Branch(BranchArgs),
    Bump(BumpArgs),
    Lint(LintArgs),
    Init(InitArgs),
    Run(RunArgs),
    Test(TestArgs),
    Suite(SuiteArgs),
    Matrix(MatrixArgs),
    Bench(BenchArgs),
    Host(HostArgs),
    Serve(ServeArgs),
    Preinit(PreinitArgs),
}

impl Cli {
    /// How much to say.
    pub fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, _) => Verbosity::Verbose,
        }
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
