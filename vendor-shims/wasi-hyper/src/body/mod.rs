//! Bodies, of requests and of responses alike.

#[cfg_attr(any(target_env = "p3", wasip3), path = "../p3/incoming.rs")]
mod incoming;
#[cfg_attr(any(target_env = "p3", wasip3), path = "../p3/outgoing.rs")]
mod outgoing;
#[cfg(not(any(target_env = "p3", wasip3)))]
mod trailers;
mod upload;

#[cfg(any(target_env = "p3", wasip3))]
pub(crate) use incoming::content_length;
pub use incoming::Incoming;
pub(crate) use outgoing::Outgoing;
pub(crate) use upload::Upload;
