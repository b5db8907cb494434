//! Turns a file into a component, or says what the file is instead.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::cache::Cache;

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

/// Loads the component at `path`, from `cache` if there is one.
pub fn load(engine: &Engine, path: &Path, cache: Option<&Cache>) -> Result<Component> {
    let wasm = read(path)?;
    match cache {
        Some(cache) => cache.get(engine, &wasm),
        None => Component::from_binary(engine, &wasm),
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
        // The preamble: a magic number, a version and a layer.
        // https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md
        if let Some(rest) = bytes.strip_prefix(b"\0asm") {
            return match rest.get(2..4) {
                Some([1, 0]) => Content::Component,
                Some([0, 0]) if contains(bytes, b"wasi_snapshot_preview1") => {
                    Content::Preview1Module
                }
                Some([0, 0]) => Content::Module,
                _ => Content::Component,
            };
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

fn contains(bytes: &[u8], pattern: &[u8]) -> bool {
    bytes.windows(pattern.len()).any(|window| window == pattern)
}
