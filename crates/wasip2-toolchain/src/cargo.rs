//! cargo, run for the tool itself: neither the project in the current
//! directory nor the user's build flags have a say in what is built.

use wasip2_ground::Process;

use crate::toolchain::Toolchain;

/// Variables that change what is compiled, by the beginning of their names.
const FLAGS: [&str; 10] = [
    "RUSTFLAGS",
    "RUSTDOCFLAGS",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "CARGO_ENCODED_RUST",
    "CARGO_BUILD_",
    "CARGO_TARGET_",
    "CARGO_PROFILE_",
    "CARGO_UNSTABLE_",
    "CARGO_INCREMENTAL",
];

/// cargo with the compiler of `toolchain`, in a directory that no project's
/// configuration reaches. The configuration in cargo's own home still holds:
/// it tells how to reach the registry.
pub fn cargo(toolchain: &Toolchain) -> Process {
    let process = Process::new(&toolchain.cargo)
        .or_install("install it with the Rust toolchain, from https://rustup.rs")
        .current_dir("/")
        .env("RUSTC", &toolchain.rustc);
    std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        // How many jobs run at once is no matter of what is built.
        .filter(|name| name != "CARGO_BUILD_JOBS")
        .filter(|name| FLAGS.iter().any(|flags| name.starts_with(flags)))
        .fold(process, Process::env_remove)
}
