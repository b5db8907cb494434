//! Turns a file into a component, or says what the file is instead.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use wasmparser::{CanonicalFunction, Parser, Payload};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::cache::Cache;
use crate::engine::Proposals;

/// Reads the component at `path`.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let shown = path.display();
    let wasm = fs::read(path).with_context(|| {
        format!("{shown} could not be read; is the component built, and is its path right?")
    })?;
    match Content::of(&wasm) {
        Content::Component => {}
        Content::Preview1Module => bail!(
            "{shown} is a WASI 0.1 module, not a component; build it with \
             `--target wasm32-wasip2`"
        ),
        Content::Module => bail!(
            "{shown} is a core WebAssembly module, not a component; build a program with \
             `--target wasm32-wasip2`, or wrap the module with `wasm-tools component new`"
        ),
        Content::Text => bail!(
            "{shown} is WebAssembly text; turn it into a binary first: \
             `wasm-tools parse {shown} -o component.wasm`"
        ),
        Content::Compiled => bail!(
            "{shown} is already compiled to machine code; give the component itself \
             (the host keeps compiled code on its own)"
        ),
        Content::Other => bail!(
            "{shown} is not WebAssembly; give the `.wasm` file that \
             `cargo build --target wasm32-wasip2` made"
        ),
    }
    Ok(wasm)
}

/// What the component needs that hosts have off by default.
pub fn proposals(wasm: &[u8]) -> Proposals {
    use CanonicalFunction::{
        ThreadIndex, ThreadNewIndirect, ThreadResumeLater, ThreadSuspend, ThreadSuspendThenPromote,
        ThreadSuspendThenResume, ThreadYieldThenPromote, ThreadYieldThenResume,
    };
    let threads = Parser::new(0)
        .parse_all(wasm)
        .map_while(Result::ok)
        .filter_map(|payload| match payload {
            Payload::ComponentCanonicalSection(functions) => Some(functions),
            _ => None,
        })
        .flat_map(|functions| functions.into_iter().map_while(Result::ok))
        .any(|function| {
            matches!(
                function,
                ThreadIndex
                    | ThreadNewIndirect { .. }
                    | ThreadResumeLater
                    | ThreadSuspend { .. }
                    | ThreadSuspendThenPromote { .. }
                    | ThreadSuspendThenResume { .. }
                    | ThreadYieldThenPromote { .. }
                    | ThreadYieldThenResume { .. }
            )
        });
    Proposals { threads }
}

/// Whether it is composed of several components: whether code lies in one that
/// lies in it.
pub fn is_composed(wasm: &[u8]) -> bool {
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(wasm).map_while(Result::ok) {
        match payload {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            // It is within its component, and that within the outermost one.
            Payload::ModuleSection { .. } if depth > 1 => return true,
            _ => {}
        }
    }
    false
}

/// Compiles the component `wasm`, which was read from `path`, or has it from
/// `cache` if there is one.
pub fn compile(
    engine: &Engine,
    wasm: &[u8],
    path: &Path,
    cache: Option<&Cache>,
) -> Result<Component> {
    match cache {
        Some(cache) => cache.get(engine, wasm),
        None => Component::from_binary(engine, wasm),
    }
    .map_err(anyhow::Error::from)
    .with_context(|| {
        format!(
            "{} is not a valid component; if it was cut off or changed after it was \
             built, build it again",
            path.display()
        )
    })
}

/// What a file holds.
enum Content {
    Component,
    /// A core module that imports WASI 0.1.
    Preview1Module,
    Module,
    Text,
    Compiled,
    Other,
}

impl Content {
    fn of(bytes: &[u8]) -> Content {
        if Parser::is_core_wasm(bytes) {
            return match imports(bytes, "wasi_snapshot_preview1") {
                true => Content::Preview1Module,
                false => Content::Module,
            };
        }
        if bytes.starts_with(b"\0asm") {
            return Content::Component;
        }
        if Engine::detect_precompiled(bytes).is_some() {
            return Content::Compiled;
        }
        match bytes.trim_ascii_start() {
            [b'(', ..] | [b';', b';', ..] => Content::Text,
            _ => Content::Other,
        }
    }
}

/// Whether a core module imports anything of `module`. One that is cut off
/// imports what can still be read.
fn imports(bytes: &[u8], module: &str) -> bool {
    Parser::new(0)
        .parse_all(bytes)
        .map_while(Result::ok)
        .filter_map(|payload| match payload {
            Payload::ImportSection(imports) => Some(imports),
            _ => None,
        })
        .flat_map(|imports| imports.into_imports())
        .any(|import| import.is_ok_and(|import| import.module == module))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_with_code_in_another_one_is_composed() {
        let composed = |wat: &str| is_composed(&wat::parse_str(wat).unwrap());
        assert!(!composed(
            "(component (core module) (component) (core module))"
        ));
        assert!(composed(
            "(component (core module) (component (core module)))"
        ));
        assert!(composed(
            "(component (component (component (core module))))"
        ));
    }
}
