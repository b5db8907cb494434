//! How components are composed, as the command line says it.

use std::path::PathBuf;

use clap::Args;

/// What the name of a composed component ends in, unless `--output` says
/// otherwise.
const SUFFIX: &str = "composed.wasm";

/// Put components into one: have a component import from others what it would
/// import from its host.
///
/// Each plug is a layer between the component and its host. The first one is
/// next to the component; what it imports comes from the second one, if that
/// exports it, and so on; what is left comes from the host, and is listed. Each
/// interface that a plug exports has to be imported by a layer before it.
///
/// A plug that passes the host's resources on, such as pollables and streams,
/// works by itself. One that has a resource of its own has to export every
/// interface that names it, or the types are not the same for all: that is said
/// here.
///
/// A guard of a handler is the other way round: the guard is the component, and
/// the handler its plug. So it is with handlers of WASI 0.3 that send requests:
/// the first plug answers what the component sends, whoever it is sent to, the
/// second one what the first one sends, and so on. It prints the path of what it wrote, which any host
/// can run or serve.
#[derive(Args, Clone, Debug)]
pub struct ComposeArgs {
    /// The component's file
    #[arg(value_name = "COMPONENT")]
    pub component: PathBuf,

    /// A component from which it imports what that exports; may be repeated,
    /// from the inside to the outside
    #[arg(long = "plug", value_name = "FILE", required = true)]
    pub plugs: Vec<PathBuf>,

    /// Where to write the result [default: beside the component,
    /// NAME.composed.wasm]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

impl ComposeArgs {
    /// Where the result is written.
    pub fn output(&self) -> PathBuf {
        match &self.output {
            Some(output) => output.clone(),
            None => self.component.with_extension(SUFFIX),
        }
    }
}
