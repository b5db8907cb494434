//! The checkout: where the laboratory's own data are.
//!
//! `CARGO_WASIP2_SOURCE`, which the repository's `.cargo/config.toml` sets,
//! names it.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use wasip2_ground::Home;
use wasip2_series::Source;

/// A checkout of the repository.
#[derive(Clone, Debug)]
pub struct Checkout {
    /// What the installed command carries, too.
    pub source: Source,
}

impl Checkout {
    /// Finds it.
    pub fn find(home: &Home) -> Result<Checkout> {
        let source = Source::find(home)?;
        ensure!(
            source.checkout().is_some(),
            "CARGO_WASIP2_SOURCE names no checkout of cargo-wasip2; run `cargo wasip2` in one"
        );
        Ok(Checkout { source })
    }

    /// The repository.
    pub fn root(&self) -> &Path {
        self.source.checkout().expect("it is one: see `find`")
    }

    /// What is expected of upstream's own tests.
    pub fn expectations(&self) -> PathBuf {
        self.root().join("compat-tests/expectations")
    }

    /// The workspace of what `bench` measures.
    pub fn bench(&self) -> PathBuf {
        self.root().join("compat-tests/programs/bench")
    }

    /// The plan of `matrix`.
    pub fn plan(&self) -> PathBuf {
        self.root().join("ci/matrix.toml")
    }
}
