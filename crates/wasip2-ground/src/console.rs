//! What the tool says on the terminal, in cargo's own look.
//!
//! Everything a person reads goes to standard error; standard output is kept
//! for results (paths, JSON). Colours and progress bars appear only where
//! standard error is a terminal, and `NO_COLOR`, `CARGO_TERM_COLOR` and
//! `CARGO_TERM_PROGRESS_WHEN=never` are honoured.

use std::fmt::Display;
use std::io::Write;
use std::time::Duration;

use console::{Style, Term};
pub use indicatif::ProgressBar;
use indicatif::{ProgressDrawTarget, ProgressStyle};

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors only (`-q`).
    Quiet,
    /// What is being done, a line each.
    Normal,
    /// Also the commands that are run and their output (`-v`).
    Verbose,
}

/// The one door to standard error.
#[derive(Clone, Copy, Debug)]
pub struct Console {
    verbosity: Verbosity,
    /// Whether bars and spinners are drawn.
    animated: bool,
}

impl Console {
    /// Makes a console for this process. `color` is `auto`, `always` or
    /// `never`; the environment decides where there is none.
    pub fn new(verbosity: Verbosity, color: Option<&str>) -> Console {
        let terminal = Term::stderr().is_term();
        let environment = std::env::var("CARGO_TERM_COLOR").ok();
        match color.or(environment.as_deref()) {
            Some("always") => {
                console::set_colors_enabled(true);
                console::set_colors_enabled_stderr(true);
            }
            Some("never") => {
                console::set_colors_enabled(false);
                console::set_colors_enabled_stderr(false);
            }
            _ => console::set_colors_enabled_stderr(
                terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
            ),
        }
        let wanted = std::env::var("CARGO_TERM_PROGRESS_WHEN").as_deref() != Ok("never");
        Console {
            verbosity,
            animated: terminal && wanted && verbosity == Verbosity::Normal,
        }
    }

    /// How much this console says.
    pub fn verbosity(&self) -> Verbosity {
        self.verbosity
    }

    /// Says what is being done: `   Compiling demo`.
    pub fn status(&self, verb: &str, message: impl Display) {
        if self.verbosity >= Verbosity::Normal {
            self.line(verb, &Style::new().green().bright().bold(), message);
        }
    }

    /// Says what only `-v` shows.
    pub fn detail(&self, verb: &str, message: impl Display) {
        if self.verbosity >= Verbosity::Verbose {
            self.line(verb, &Style::new().cyan().bold(), message);
        }
    }

    /// Says that something is not as it should be, though the work goes on.
    pub fn warn(&self, message: impl Display) {
        if self.verbosity >= Verbosity::Normal {
            let label = Style::new()
                .for_stderr()
                .yellow()
                .bold()
                .apply_to("warning");
            say(format_args!("{label}: {message}"));
        }
    }

    /// Passes on what another program said, as it said it.
    pub fn foreign(&self, text: &str) {
        let _ = write!(std::io::stderr(), "{text}");
    }

    /// Says why the work ended. Shown at every verbosity.
    pub fn error(&self, message: impl Display) {
        let label = Style::new().for_stderr().red().bold().apply_to("error");
        say(format_args!("{label}: {message}"));
    }

    /// A progress bar of `length` bytes; hidden where no terminal is.
    pub fn byte_bar(&self, verb: &str, message: impl Display, length: u64) -> ProgressBar {
        let style = ProgressStyle::with_template(
            "{prefix:>12.cyan.bold} [{bar:27}] {bytes}/{total_bytes} {msg}",
        )
        .expect("the template is a constant")
        .progress_chars("=> ");
        self.bar(ProgressBar::new(length), style, verb, message)
    }

    /// A progress bar of `length` things; hidden where no terminal is.
    pub fn count_bar(&self, verb: &str, length: usize) -> ProgressBar {
        let style =
            ProgressStyle::with_template("{prefix:>12.cyan.bold} [{bar:27}] {pos}/{len} {msg}")
                .expect("the template is a constant")
                .progress_chars("=> ");
        self.bar(ProgressBar::new(length as u64), style, verb, "")
    }

    /// A spinner for work of unknown length; where no terminal is, one status
    /// line stands for it.
    pub fn spinner(&self, verb: &str, message: impl Display) -> ProgressBar {
        if !self.animated {
            self.status(verb, &message);
        }
        let style =
            ProgressStyle::with_template("{prefix:>12.cyan.bold} {spinner} {msg} {elapsed}")
                .expect("the template is a constant");
        let spinner = self.bar(ProgressBar::new_spinner(), style, verb, message);
        spinner.enable_steady_tick(Duration::from_millis(120));
        spinner
    }

    fn bar(
        &self,
        bar: ProgressBar,
        style: ProgressStyle,
        verb: &str,
        message: impl Display,
    ) -> ProgressBar {
        bar.set_draw_target(if self.animated {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        });
        bar.set_style(style);
        bar.set_prefix(verb.to_owned());
        bar.set_message(message.to_string());
        bar
    }

    fn line(&self, verb: &str, style: &Style, message: impl Display) {
        let verb = style.clone().for_stderr().apply_to(format!("{verb:>12}"));
        say(format_args!("{verb} {message}"));
    }
}

/// Writes a line to standard error. Nobody may read it any more; that is no
/// reason to fail.
fn say(line: std::fmt::Arguments) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
