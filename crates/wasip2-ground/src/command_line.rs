//! What the command lines of all our programs have in common.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::builder::Styles;
use clap::builder::styling::AnsiColor;
use clap::{ArgAction, Args};

use crate::console::{Console, Verbosity};
use crate::interrupt;

/// cargo's colours for help texts.
pub const STYLES: Styles = Styles::styled()
    .header(AnsiColor::BrightGreen.on_default().bold())
    .usage(AnsiColor::BrightGreen.on_default().bold())
    .literal(AnsiColor::BrightCyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// How much is said, and in which colours.
#[derive(Args, Clone, Debug)]
pub struct Shown {
    /// Say more: the commands that are run and what they print
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", value_parser = ["auto", "always", "never"])]
    color: Option<String>,
}

impl Shown {
    /// The console that says so much.
    pub fn console(&self) -> Console {
        Console::new(self.verbosity(), self.color.as_deref())
    }

    /// The flags that have another program of ours say as much.
    pub fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        match self.verbosity() {
            Verbosity::Quiet => words.push("--quiet".to_owned()),
            Verbosity::Normal => {}
            Verbosity::Verbose => words.push("--verbose".to_owned()),
        }
        words.extend(self.color.iter().map(|when| format!("--color={when}")));
        words
    }

    fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, _) => Verbosity::Verbose,
        }
    }
}

/// This process's arguments; cargo puts the subcommand's own name, `wasip2`,
/// before them.
pub fn arguments() -> impl Iterator<Item = OsString> {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    if arguments.get(1).is_some_and(|word| word == "wasip2") {
        arguments.remove(1);
    }
    arguments.into_iter()
}

/// What a program ends with; an error is said first.
pub fn end(result: Result<u8>, console: &Console) -> ExitCode {
    match result {
        Ok(code) => ExitCode::from(code),
        Err(_) if interrupt::noted() => {
            console.status(
                "Stopped",
                "by Ctrl-C; the same command begins again or goes on",
            );
            ExitCode::from(interrupt::INTERRUPTED)
        }
        Err(error) => {
            console.error(chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// An error and what led to it, as cargo prints them.
fn chain(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    let mut causes = error.chain().skip(1).peekable();
    if causes.peek().is_some() {
        text.push_str("\n\nCaused by:");
    }
    for cause in causes {
        for line in cause.to_string().lines() {
            text.push_str("\n  ");
            text.push_str(line);
        }
    }
    text
}
