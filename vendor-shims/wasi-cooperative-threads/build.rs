//! Makes the object that changes the stack pointer.
//!
//! Rust has no way to do so yet: assembly for WebAssembly (`global_asm!`) is
//! unstable. So the object is written here, byte by byte. It is what LLVM makes of
//!
//! ```asm
//!     .globaltype __stack_pointer, i32
//!     .functype   wasi_cooperative_threads_0_1_body (i32) -> ()
//!
//! wasi_cooperative_threads_0_1_start:
//!     .functype   wasi_cooperative_threads_0_1_start (i32) -> ()
//!     local.get   0
//!     global.set  __stack_pointer
//!     local.get   0
//!     call        wasi_cooperative_threads_0_1_body
//!     end_function
//!
//! wasi_cooperative_threads_0_1_get:
//!     .functype   wasi_cooperative_threads_0_1_get () -> (i32)
//!     global.get  __stack_pointer
//!     end_function
//!
//! wasi_cooperative_threads_0_1_set:
//!     .functype   wasi_cooperative_threads_0_1_set (i32) -> ()
//!     local.get   0
//!     global.set  __stack_pointer
//!     end_function
//! ```
//!
//! The format is that of [WebAssembly object files].
//!
//! [WebAssembly object files]: https://github.com/WebAssembly/tool-conventions/blob/main/Linking.md

use std::path::PathBuf;
use std::{env, fs};

const I32: u8 = 0x7f;

const LOCAL_GET: u8 = 0x20;
const GLOBAL_GET: u8 = 0x23;
const GLOBAL_SET: u8 = 0x24;
const CALL: u8 = 0x10;
const END: u8 = 0x0b;

/// The index of the symbol of each in the symbol table.
const BODY: u32 = 0;
const STACK_POINTER: u32 = 1;

struct Function {
    name: &'static str,
    parameters: &'static [u8],
    results: &'static [u8],
    code: &'static [Word],
}

/// The functions that the object defines.
const FUNCTIONS: [Function; 3] = [
    Function {
        name: "wasi_cooperative_threads_0_1_start",
        parameters: &[I32],
        results: &[],
        code: &[
            Word::Plain(&[LOCAL_GET, 0]),
            Word::StackPointer(GLOBAL_SET),
            Word::Plain(&[LOCAL_GET, 0]),
            Word::Body(CALL),
        ],
    },
    Function {
        name: "wasi_cooperative_threads_0_1_get",
        parameters: &[],
        results: &[I32],
        code: &[Word::StackPointer(GLOBAL_GET)],
    },
    Function {
        name: "wasi_cooperative_threads_0_1_set",
        parameters: &[I32],
        results: &[],
        code: &[Word::Plain(&[LOCAL_GET, 0]), Word::StackPointer(GLOBAL_SET)],
    },
];

/// An instruction, or some.
enum Word {
    Plain(&'static [u8]),
    /// One whose operand is the stack pointer.
    StackPointer(u8),
    /// One whose operand is the function that a thread runs.
    Body(u8),
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = |what: &str| env::var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default();
    if target("OS") != "wasi"
        || target("ENV") != "p2"
        || env::var_os("CARGO_CFG_WASIP2_THREADS").is_none()
    {
        return;
    }
    let directory = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let library = directory.join("libwasi_cooperative_threads_stack.a");
    fs::write(&library, archive(&object())).expect("OUT_DIR can be written to");
    println!("cargo:rustc-link-search=native={}", directory.display());
    println!("cargo:rustc-link-lib=static=wasi_cooperative_threads_stack");
}

fn object() -> Vec<u8> {
    // Type 0 is that of the body; function 0 is the body, which is imported.
    let mut types = vec![[&[0x60][..], &vector(&[I32]), &vector(&[])].concat()];
    let imports = [
        [name("env"), name("__linear_memory"), vec![2, 0, 0]].concat(),
        [
            name("env"),
            name("wasi_cooperative_threads_0_1_body"),
            vec![0, 0],
        ]
        .concat(),
        // Mutable.
        [name("env"), name("__stack_pointer"), vec![3, I32, 1]].concat(),
    ];
    // Function 0 and global 0, both undefined.
    let mut symbols = vec![vec![0, 0x10, 0], vec![2, 0x10, 0]];
    let mut indices = Vec::new();
    let mut bodies = Vec::new();
    let mut relocations = Vec::new();

    // The section's content begins with the number of bodies.
    let mut offset = 1;
    for (index, function) in FUNCTIONS.iter().enumerate() {
        let index = index as u32 + 1;
        types.push(
            [
                &[0x60][..],
                &vector(function.parameters),
                &vector(function.results),
            ]
            .concat(),
        );
        indices.push(number(index));
        // Defined and hidden.
        symbols.push([vec![0, 4], number(index), name(function.name)].concat());

        // No locals.
        let mut code = vec![0];
        // One byte for the size of the body.
        let begin = offset + 1;
        for word in function.code {
            match *word {
                Word::Plain(bytes) => code.extend(bytes),
                Word::StackPointer(opcode) => {
                    code.push(opcode);
                    relocations.push(
                        [
                            vec![7],
                            number(begin + code.len() as u32),
                            number(STACK_POINTER),
                        ]
                        .concat(),
                    );
                    code.extend(padded(0));
                }
                Word::Body(opcode) => {
                    code.push(opcode);
                    relocations
                        .push([vec![0], number(begin + code.len() as u32), number(BODY)].concat());
                    code.extend(padded(0));
                }
            }
        }
        code.push(END);
        offset = begin + code.len() as u32;
        bodies.push(vector(&code));
    }

    let mut object = b"\0asm\x01\0\0\0".to_vec();
    object.extend(section(1, &list(&types)));
    object.extend(section(2, &list(&imports)));
    object.extend(section(3, &list(&indices)));
    object.extend(section(10, &list(&bodies)));
    let linking = [name("linking"), number(2), section(8, &list(&symbols))];
    object.extend(section(0, &linking.concat()));
    // Of the fourth section, which is the code's.
    let relocations = [name("reloc.CODE"), number(3), list(&relocations)];
    object.extend(section(0, &relocations.concat()));
    object
}

/// An archive with one member, as rustc takes it.
fn archive(member: &[u8]) -> Vec<u8> {
    let mut archive = b"!<arch>\n".to_vec();
    archive.extend(
        format!(
            "{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n",
            "stack.o/",
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

/// The same in five bytes, for the linker to write over.
fn padded(number: u32) -> Vec<u8> {
    (0..5)
        .map(|at| (number >> (7 * at)) as u8 & 0x7f | if at < 4 { 0x80 } else { 0 })
        .collect()
}
