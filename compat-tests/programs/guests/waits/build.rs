//! Gives some programs a libc that they have a part of themselves.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for (program, function) in [
        ("broken-libc", "__wasilibc_poll_ready"),
        ("full-table", "descriptor_table_insert"),
        ("full-table", "realloc"),
        ("newer-libc", "poll"),
    ] {
        println!("cargo:rustc-link-arg-bin={program}=--wrap={function}");
    }
}
