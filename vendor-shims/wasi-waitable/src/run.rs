//! The export through which a program is started, and may block.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::weak::weak;
use crate::{abi, stdio, task};

/// Whether the program was started through the export, or another one that may
/// block.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// Whether the bindings that are linked share their task as this crate knows it.
static KNOWN: AtomicBool = AtomicBool::new(true);

/// What tells the linker the types of all that this crate imports, and of the
/// export: made of `wit/`. It is in the same module as the export, which
/// `-C link-arg=--undefined=…` has the linker look for, so that both are linked
/// or neither is.
#[used]
#[cfg_attr(
    target_family = "wasm",
    link_section = "component-type:wasi-waitable-0.1"
)]
static COMPONENT_TYPE: [u8; include_bytes!("command.bin").len()] = *include_bytes!("command.bin");

extern "C" {
    fn __wasm_call_ctors();
}

/// `run: async func() -> result`, lifted synchronously: as its type is
/// asynchronous, the task that it is may block.
#[export_name = "wasi:cli/run@0.3.2#run"]
extern "C" fn run() -> u32 {
    let Some(main) = weak().main_void else {
        eprintln!(
            "this component has no `main` to be run: if it is a handler of HTTP requests, serve it \
             (`cargo wasip2 serve`)"
        );
        return 1;
    };
    enter();
    // SAFETY: nothing has been called before, and this is what `_start` calls.
    let code = unsafe {
        __wasm_call_ctors();
        main()
    };
    stdio::finish();
    if code > 1 {
        // SAFETY: it has no preconditions, and does not return.
        unsafe { abi::exit_with_code(code as u32 & 0xff) };
    }
    u32::from(code != 0)
}

/// Takes note that a task runs which may block.
pub(crate) fn enter() {
    ENTERED.store(true, Relaxed);
    KNOWN.store(task::install(), Relaxed);
}

pub(crate) fn entered() -> bool {
    ENTERED.load(Relaxed)
}

/// `entered() -> io::Result<()>`—Whether this program may wait.
///
/// # Errors
///
/// [`io::ErrorKind::Unsupported`] if the host did not start it through
/// `wasi:cli/run` of WASI 0.3: a wait would trap. So it is if bindings are linked
/// whose `wasip3_task_set` is another than that of the versions 1 to 3: a wait
/// would miss their events.
pub fn may_wait() -> io::Result<()> {
    if !KNOWN.load(Relaxed) {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "the bindings of WASI 0.3 in this program do not share their task by the versions 1 to \
             3 of `wasip3_task`, so that nothing could wait for them: use the crate wasip3 0.10, or \
             another whose wit-bindgen has that",
        ));
    }
    if entered() {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "this program waits as WASI 0.3 does, but was not started through `wasi:cli/run` of 0.3: \
         build it with `-C link-arg=--undefined=wasi:cli/run@0.3.2#run -C \
         link-arg=--export-if-defined=wasi:cli/run@0.3.2#run`, and run it in a host that prefers \
         that export, such as Wasmtime 46 or newer (before 49, with `-S p3 -W \
         component-model-async`)",
    ))
}
