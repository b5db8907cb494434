//! How a component is pre-initialised, as the command line says it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::request::Request;
use crate::rights::Rights;
use crate::timeout::parse as parse_duration;

/// What the name of a pre-initialised component ends in, unless `--output`
/// says otherwise.
const SUFFIX: &str = "preinit.wasm";

/// Pre-initialise a component that exports `wasi:http/incoming-handler`: have
/// it answer a request, and keep what is in its memory then as that with which
/// every instance begins.
///
/// Where a host makes an instance for each request, that spares each the start
/// of its Tokio runtime, its routes, its configuration, and all else that it
/// does once. It prints the path of what it wrote, which any host can serve.
///
/// Every instance goes on from the same memory, and the file holds all of it.
/// So a component that asked for one environment variable has the whole
/// environment from then on, secrets that were given with `--env` included,
/// whatever its instances are given; files and the time of day are as they were
/// when they were read. An instance that still holds something of its host's,
/// such as an open file or a connection, or that drew random numbers, is
/// refused. The seed from which a program makes the keys of its hash maps is
/// random, but the same in every instance, and so is what other generators make
/// of it: pre-initialise anew for each deployment. The clock stands still
/// meanwhile, so that a wait for a timer never ends.
#[derive(Args, Clone, Debug)]
pub struct PreinitArgs {
    #[command(flatten)]
    pub rights: Rights,

    /// A request to answer before; may be repeated. Each is sent once more to
    /// the result, to see that it answers
    #[arg(
        long = "request",
        value_name = "[METHOD ]PATH",
        default_values_t = [Request::default()]
    )]
    pub requests: Vec<Request>,

    /// Where to write the result [default: beside the component,
    /// NAME.preinit.wasm]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// The longest that a request may take (500ms, 30s, 2m)
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "30s")]
    pub timeout: Duration,

    /// No instance will be given a directory: let the component keep in memory
    /// that there is none, as soon as it asks. Whatever waits through Tokio asks
    #[arg(long, conflicts_with = "directories")]
    pub no_dir: bool,

    /// Allow the component to draw random numbers before; what it keeps of
    /// them, such as a generator's state, is no secret and is the same in every
    /// instance
    #[arg(long)]
    pub allow_random: bool,

    /// The component's file
    #[arg(value_name = "COMPONENT")]
    pub component: PathBuf,
}

impl PreinitArgs {
    /// What is used for `component` where nothing else is said.
    pub fn of(component: PathBuf) -> PreinitArgs {
        PreinitArgs {
            rights: Rights::default(),
            requests: vec![Request::default()],
            output: None,
            timeout: Duration::from_secs(30),
            no_dir: false,
            allow_random: false,
            component,
        }
    }

    /// Where the result is written.
    pub fn output(&self) -> PathBuf {
        match &self.output {
            Some(output) => output.clone(),
            None => self.component.with_extension(SUFFIX),
        }
    }
}
