//! Gives `broken-libc` the libc that its name promises.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-arg-bin=broken-libc=--wrap=__wasilibc_poll_ready");
}
