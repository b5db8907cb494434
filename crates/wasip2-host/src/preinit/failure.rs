//! Why a component could not be pre-initialised.

use std::time::Duration;

use anyhow::{Result, anyhow};
use http::StatusCode;

use super::arguments::PreinitArgs;
use super::clock::Time;
use crate::end::{TIMED_OUT, TRAPPED};
use crate::trap;
use wasip2_ground::Console;

/// Why a component could not be pre-initialised.
#[derive(Debug)]
pub enum Failure {
    /// It trapped in this.
    Trap(String, wasmtime::Error),
    /// It had not ended this in time.
    TimeLimit(String, Duration, Time),
    /// It answered this with a server's error.
    Status(String, StatusCode),
    /// The result did not answer as the component did.
    Result(Box<Failure>),
    Other(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure::Other(error)
    }
}

impl Failure {
    /// It was the result's.
    pub fn after(self) -> Failure {
        Failure::Result(Box::new(self))
    }

    /// Tells of it; gives back the exit code.
    pub fn end(self, arguments: &PreinitArgs, console: &Console) -> Result<u8> {
        let code = match self.first() {
            Failure::Trap(_, error) => {
                trap::report(error, console);
                TRAPPED
            }
            Failure::TimeLimit(..) => TIMED_OUT,
            _ => return Err(self.into_error()),
        };
        let of = arguments.component.display();
        console.error(format!("{of}: {:#}", self.into_error()));
        Ok(code)
    }

    /// What happened, to whichever component.
    fn first(&self) -> &Failure {
        match self {
            Failure::Result(failure) => failure.first(),
            failure => failure,
        }
    }

    /// The same as an error.
    pub fn into_error(self) -> anyhow::Error {
        match self {
            Failure::Other(error) => error,
            Failure::Trap(part, error) => {
                anyhow!("it trapped in {part}: {}", error.root_cause())
            }
            Failure::TimeLimit(part, limit, time) => {
                let why = match time {
                    Time::Still => {
                        "; its clock stands still meanwhile: a wait for a timer never ends"
                    }
                    Time::Passing => "",
                };
                anyhow!("it had not ended {part} after {limit:?} (--timeout){why}")
            }
            Failure::Status(request, status) => anyhow!(
                "it answered `{request}` with {status}; give a request (--request) that it \
                 answers well"
            ),
            Failure::Result(failure) => failure.into_error().context(
                "it answered, but what began with its memory did not; nothing was written",
            ),
        }
    }
}
