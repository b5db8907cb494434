//! How a program is built for a version of WASI.
//!
//! One for 0.3 is built for the same target as one for 0.2. What is different
//! in the patched crates goes by `--cfg wasip3`, and the linker is told to keep
//! the `wasi:cli/run` of 0.3 that their shim exports. Where no dependency has
//! that shim, the link arguments do nothing.

use wasip2_ground::Wasi;

/// The cfg that is set in a build for 0.3.
pub const CFG: &str = "wasip3";

/// Flags for every rustc of a build for 0.3.
const RUSTFLAGS: [&str; 6] = [
    "--cfg",
    CFG,
    "-C",
    "link-arg=--undefined=wasi:cli/run@0.3.2#run",
    "-C",
    "link-arg=--export-if-defined=wasi:cli/run@0.3.2#run",
];

/// Flags for every rustc.
pub fn rustflags(wasi: Wasi) -> Vec<String> {
    match wasi {
        Wasi::P2 => Vec::new(),
        Wasi::P3 => RUSTFLAGS.map(str::to_owned).to_vec(),
    }
}
