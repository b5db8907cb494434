//! Makes the object that refers to wasi-libc's private functions, and to the
//! public one that is proposed.
//!
//! The references are weak, which Rust cannot say yet (`linkage`, `global_asm!`
//! for WebAssembly): where wasi-libc has no such function, its address is null,
//! for this crate to see, and the program links all the same. So the object is
//! written here, byte by byte. It is what clang makes of
//!
//! ```c
//! __attribute__((weak)) int descriptor_table_insert(descriptor_table_entry_t);
//! __attribute__((weak)) int __wasilibc_poll_add(poll_state_t *, short, uint32_t);
//! __attribute__((weak)) void __wasilibc_poll_ready(poll_state_t *, short);
//! __attribute__((weak)) int wasi_pollable_borrow_fd(int32_t, void (*)(void *), void *);
//! const void *wasi_pollable_fd_0_1_private[] = {
//!   descriptor_table_insert, __wasilibc_poll_add, __wasilibc_poll_ready,
//!   wasi_pollable_borrow_fd,
//! };
//! ```
//!
//! The format is that of [WebAssembly object files].
//!
//! [WebAssembly object files]: https://github.com/WebAssembly/tool-conventions/blob/main/Linking.md

use std::path::PathBuf;
use std::{env, fs};

/// What `src/descriptor.rs` calls the table of addresses.
const TABLE: &str = "wasi_pollable_fd_0_1_private";

const I32: u8 = 0x7f;

/// The functions, in the order of the table, with their parameters and results.
/// A structure is passed as a pointer to it.
const FUNCTIONS: [(&str, &[u8], &[u8]); 4] = [
    ("descriptor_table_insert", &[I32], &[I32]),
    ("__wasilibc_poll_add", &[I32, I32, I32], &[I32]),
    ("__wasilibc_poll_ready", &[I32, I32], &[]),
    ("wasi_pollable_borrow_fd", &[I32, I32, I32], &[I32]),
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = |what: &str| env::var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default();
    if target("OS") != "wasi" || target("ENV") != "p2" {
        return;
    }
    let directory = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let library = directory.join("libwasi_pollable_fd_private.a");
    fs::write(&library, archive(&object())).expect("OUT_DIR can be written to");
    println!("cargo:rustc-link-search=native={}", directory.display());
    println!("cargo:rustc-link-lib=static=wasi_pollable_fd_private");
}

fn object() -> Vec<u8> {
    let addresses = 4 * FUNCTIONS.len() as u32;
    let types = FUNCTIONS.map(|(_, parameters, results)| {
        [&[0x60][..], &vector(parameters), &vector(results)].concat()
    });
    // Function 0 has type 0, and so on; the memory is of the least size.
    let mut imports = vec![[name("env"), name("__linear_memory"), vec![2, 0, 0]].concat()];
    // Undefined and weak, with the name of the import.
    let mut symbols = Vec::new();
    // Of the index in a table of functions, 32 bits wide, where the data is.
    let mut relocations = Vec::new();
    // The segment's header in the section: count, mode, `i32.const 0`, size.
    let header = [&[1, 0, 0x41, 0, 0x0b][..], &number(addresses)].concat();
    for (index, (function, ..)) in FUNCTIONS.iter().enumerate() {
        let index = index as u32;
        imports.push([name("env"), name(function), vec![0], number(index)].concat());
        symbols.push([&[0, 0x11][..], &number(index)].concat());
        let offset = header.len() as u32 + 4 * index;
        relocations.push([vec![2], number(offset), number(index)].concat());
    }
    // Data symbol, defined and hidden, at the start of segment 0.
    symbols.push(
        [
            vec![1, 4],
            name(TABLE),
            number(0),
            number(0),
            number(addresses),
        ]
        .concat(),
    );
    // Aligned to 2² bytes, without flags.
    let segment = [name(&format!(".data.{TABLE}")), number(2), number(0)].concat();
    let data = [header, vec![0; addresses as usize]].concat();

    let mut object = b"\0asm\x01\0\0\0".to_vec();
    object.extend(section(1, &list(&types)));
    object.extend(section(2, &list(&imports)));
    object.extend(section(11, &data));
    let linking = [
        name("linking"),
        number(2),
        section(5, &list(&[segment])),
        section(8, &list(&symbols)),
    ];
    object.extend(section(0, &linking.concat()));
    // Of the third section, which is the data's.
    let relocations = [name("reloc.DATA"), number(2), list(&relocations)];
    object.extend(section(0, &relocations.concat()));
    object
}

/// An archive with one member, as rustc takes it.
fn archive(member: &[u8]) -> Vec<u8> {
    let mut archive = b"!<arch>\n".to_vec();
    archive.extend(
        format!(
            "{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n",
            "private.o/",
            0,
            0,
            0,
            644,
            member.len()
        )
        .into_bytes(),
    );
    archive.extend(member);
    if member.len() % 2 == 1 {
        archive.push(b'\n');
    }
    archive
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id][..], &vector(content)].concat()
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    [number(items.len() as u32), items.concat()].concat()
}

fn name(name: &str) -> Vec<u8> {
    vector(name.as_bytes())
}

fn vector(bytes: &[u8]) -> Vec<u8> {
    [number(bytes.len() as u32), bytes.to_vec()].concat()
}

/// Unsigned LEB128.
fn number(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}
