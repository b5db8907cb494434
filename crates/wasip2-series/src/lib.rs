//! Series of patches, the patched trees that they make of released crates, and
//! the projects that are built with those.
//!
//! The contract, from the data to a project that builds:
//!
//! - [`source`]: where the series, the shims and the examples are: in the
//!   checkout, or in what this crate carries. [`SeriesArgs`] is that on a
//!   command line.
//! - [`release`] has cargo fetch a release; [`pristine`] makes it a git
//!   repository of one commit and proves that it is what was published.
//! - [`series`] and [`patch`] read what stands in `patches/`; [`tree`] applies
//!   a series with `git am` ([`git`]). A tree that is given back is the
//!   verified release with every patch of its series applied, and stays where
//!   it is for as long as nothing in the series changes. One that cannot be
//!   made leaves the previous one in place. [`manifest`] keeps the two
//!   manifests of a released package in step.
//! - [`shims`]: the crates of ours that patched crates depend on.
//! - [`project`]: a user's workspace and its lock file; [`graph`] is what of it
//!   is built for this target. [`overrides`] has it build with the trees, in
//!   `.cargo/config.toml` ([`config`]); on failure it is as it was. [`wasi`] is what a build
//!   for a version of WASI takes. [`placement`] is where the overrides lead: to
//!   the trees, to copies in the project ([`vendor`]) or to a repository of
//!   git's ([`remote`]).
//! - [`report`]: what to say of a project, for `unsupported.toml` names crates
//!   that do not build or work whatever is done.
//! - [`staging`]: a workspace of ours, locked and overridden as a user's project
//!   would be. [`workspace`]: one of guests, and how those are built.
//!
//! Nothing here runs a component, and nothing is printed but progress.

#![warn(missing_debug_implementations)]

mod arguments;
pub mod config;
pub mod git;
pub mod graph;
pub mod manifest;
pub mod overrides;
pub mod patch;
pub mod placement;
pub mod pristine;
pub mod project;
pub mod release;
pub mod remote;
pub mod report;
pub mod series;
pub mod shims;
pub mod source;
pub mod staging;
pub mod tree;
pub mod vendor;
pub mod wasi;
pub mod workspace;

pub use arguments::SeriesArgs;
pub use graph::Graph;
pub use patch::Patch;
pub use placement::Placement;
pub use pristine::Pristine;
pub use release::{Network, Release};
pub use series::{Part, PartArgs, Series};
pub use source::Source;
pub use staging::Staging;
