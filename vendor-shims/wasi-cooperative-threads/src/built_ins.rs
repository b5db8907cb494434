//! The component model's built-ins for threads, by the names that the linker knows.
//!
//! `wasm-component-ld` of Rust 1.95 has the names of an earlier draft, and writes
//! opcodes. Of what it knows, these are what the opcodes mean in the [present
//! text], and to Wasmtime since version 48. A linker that knows the present names
//! refuses these ("unknown import"), and then they are to be changed here.
//!
//! [present text]: https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md

#[link(wasm_import_module = "$root")]
extern "C" {
    /// The thread that is running.
    #[link_name = "[thread-index]"]
    pub(crate) fn index() -> u32;

    /// Makes a thread, which does not run yet.
    #[link_name = "[thread-new-indirect-v0]"]
    pub(crate) fn new_indirect(start: unsafe extern "C" fn(*mut u8), argument: *mut u8) -> u32;

    /// Opcode 0x2b, `thread.yield-then-resume`: runs `thread`, which is suspended.
    /// The caller stays ready.
    #[link_name = "[thread-yield-to-suspended]"]
    pub(crate) fn yield_then_resume(thread: u32) -> u32;

    /// Opcode 0x2c, `thread.suspend-then-promote`: suspends the caller, and runs
    /// `thread`, which is ready.
    #[link_name = "[thread-suspend-to]"]
    pub(crate) fn suspend_then_promote(thread: u32) -> u32;
}
