//! Bodies, of requests and of responses alike.

mod incoming;
mod outgoing;
mod trailers;
mod upload;

pub use incoming::Incoming;
pub(crate) use outgoing::Outgoing;
pub(crate) use upload::Upload;
