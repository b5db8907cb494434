//! The one client of Debian's archive.
//!
//! The contract:
//! - It needs no root, and leaves no trace in the system: apt finds, fetches
//!   and verifies, with a configuration, an index and caches below the tool's
//!   home ([`apt`]); dpkg-deb and tar unpack ([`package`]).
//! - Servers are reached as the machine's own apt reaches them ([`machine`]).
//! - What suits every machine, sources and WebAssembly ([`wanted`]), is looked
//!   for in several suites ([`search`]) of Debian's mirrors, and verified with
//!   Debian's keys ([`archive`]). What must suit the libraries of this machine
//!   comes from the suites that its own apt names, with all that it depends
//!   on and that is not installed ([`release`]).
//! - A package is there only if its content is what an index that was signed
//!   lists ([`listing`]), or what is pinned. A download that was interrupted
//!   goes on where it ended.
//! - A failure is told in apt's own words ([`trouble`]).

mod apt;
mod archive;
mod listing;
mod machine;
mod package;
mod release;
mod search;
mod trouble;
mod wanted;

pub use machine::missing_programs;
pub use package::Package;
pub use release::fetch_with_dependencies;
pub use search::fetch;
pub use wanted::Wanted;
