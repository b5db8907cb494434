//! A [`wasi:io/poll`] pollable as a file descriptor.
//!
//! A component that has one thread can block in one place only, so whatever it
//! waits for has to be in one list. Sockets are file descriptors, which
//! wasi-libc's `poll(2)` turns into pollables and hands to the host in a single
//! call. Name lookups, HTTP messages, standard streams and timers of WASI 0.2
//! are bare pollables, and `poll(2)` has no way in for those
//! ([wasi-libc issue 542]). [`PollableFd`] is that way: what already waits for
//! file descriptors, such as mio, waits for pollables too.
//!
//! The pollable may come from any bindings: `wasi`, any version of `wasip2`, or
//! what `wit-bindgen` makes.
//!
//! ```no_run
//! # #[cfg(all(target_os = "wasi", target_env = "p2"))]
//! # fn main() -> std::io::Result<()> {
//! use std::os::fd::AsRawFd;
//! use wasi_pollable_fd::PollableFd;
//! use wasip2::{clocks::monotonic_clock, io::poll::Pollable};
//!
//! let timer = monotonic_clock::subscribe_duration(1_000_000);
//! let timer = PollableFd::new(timer, Pollable::handle)?;
//! let mut polled = libc::pollfd { fd: timer.as_raw_fd(), events: libc::POLLIN, revents: 0 };
//! // SAFETY: the pointer is to one `pollfd`.
//! assert_eq!(unsafe { libc::poll(&mut polled, 1, -1) }, 1);
//! # Ok(())
//! # }
//! # #[cfg(not(all(target_os = "wasi", target_env = "p2")))]
//! # fn main() {}
//! ```
//!
//! On targets other than WASI 0.2, this crate is empty.
//!
//! # What it stands on
//!
//! wasi-libc has no public interface for descriptors of others. This crate uses
//! what its own sockets use, and proves before the first use in a process that
//! it works; `PROPOSAL.md` beside its source describes it and
//! the interface that would make this crate needless.
//!
//! [`wasi:io/poll`]: https://github.com/WebAssembly/wasi-io/blob/main/wit/poll.wit
//! [wasi-libc issue 542]: https://github.com/WebAssembly/wasi-libc/issues/542
// Where the crate is empty, there is nothing to link to.
#![cfg_attr(
    not(all(target_os = "wasi", target_env = "p2")),
    allow(rustdoc::broken_intra_doc_links)
)]
#![cfg(all(target_os = "wasi", target_env = "p2"))]

mod descriptor;
mod self_test;

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};

/// `PollableFd::new(pollable, handle)`—A pollable as an owned file descriptor.
///
/// `poll(2)` reports it as ready for whatever was asked for (`POLLIN`,
/// `POLLOUT` or both) while the pollable is ready, and never reports `POLLERR`
/// or `POLLHUP`: a pollable only tells that it is time to look. Nothing can be
/// read from or written to the descriptor, and it cannot be duplicated on every
/// version of wasi-libc.
///
/// Dropping it closes the descriptor and drops the pollable. As WASI demands,
/// drop it before the stream, socket or future that the pollable belongs to.
///
/// # References
///
/// - [`wasi:io/poll.pollable`]
/// - [`poll(2)`]
///
/// [`wasi:io/poll.pollable`]: https://github.com/WebAssembly/wasi-io/blob/main/wit/poll.wit
/// [`poll(2)`]: https://pubs.opengroup.org/onlinepubs/9799919799/functions/poll.html
#[derive(Debug)]
pub struct PollableFd(OwnedFd);

impl PollableFd {
    /// Takes `pollable`, which `handle` gives the component-model handle of,
    /// into wasi-libc's table of descriptors.
    ///
    /// `handle` is called once; every bindings crate has such a function
    /// (`Pollable::handle`). The handle has to stay valid for as long as
    /// `pollable` lives. One that is none, or that is another resource's, makes
    /// the host trap in the next `poll(2)`.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::Unsupported`] if wasi-libc does not work as this crate
    /// needs it to, which the first call in a process finds out; otherwise what
    /// wasi-libc says when no descriptor is left or memory is short. The
    /// pollable is dropped then.
    pub fn new<P: Send + 'static>(
        pollable: P,
        handle: impl FnOnce(&P) -> u32,
    ) -> io::Result<PollableFd> {
        self_test::passed()?;
        descriptor::insert(pollable, handle).map(PollableFd)
    }
}

impl AsFd for PollableFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for PollableFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl IntoRawFd for PollableFd {
    fn into_raw_fd(self) -> RawFd {
        self.0.into_raw_fd()
    }
}

impl From<PollableFd> for OwnedFd {
    fn from(pollable: PollableFd) -> OwnedFd {
        pollable.0
    }
}
