//! Puts components into one: `cargo wasip2 compose`.
//!
//! wac's composition graph does it. What is ours is to say beforehand what
//! would not work, or would silently not be done: a plug that nothing takes
//! anything from, and resources that are not the same for all. See [`layers`].
//!
//! On WASI 0.3 a component that sends requests can have another one's handler
//! answer them, for sending and handling is the same function. It has two names,
//! so a component without code stands between the two: `client.wat`.

mod arguments;
mod layers;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions};

use wasip2_ground::files::write_whole;
use wasip2_ground::{Console, Wasi};

use crate::component;
use crate::interfaces::Interfaces;

pub use arguments::ComposeArgs;
use layers::{Layers, Member};

/// Runs the verb; gives back the exit code.
pub fn run(arguments: &ComposeArgs, console: &Console) -> Result<u8> {
    let output = arguments.output();
    let composed = compose(arguments, console)?;
    write(&output, &composed)?;
    for name in Interfaces::of(&composed).imported() {
        console.status("Imported", name);
    }
    console.status(
        "Finished",
        format!(
            "{} of {} components, {} bytes; what is imported above is its host's",
            output.display(),
            arguments.plugs.len() + 1,
            composed.len()
        ),
    );
    println!("{}", output.display());
    Ok(0)
}

/// Composes and says nothing of it; gives back the path of what it wrote.
pub fn make(arguments: &ComposeArgs, console: &Console) -> Result<PathBuf> {
    let output = arguments.output();
    write(&output, &compose(arguments, console)?)?;
    Ok(output)
}

fn write(output: &Path, composed: &[u8]) -> Result<()> {
    write_whole(&std::path::absolute(output)?, composed)
}

/// Whether the component `plug` exports something that `component` imports, in
/// whatever version.
pub fn stands_for_some(plug: &[u8], component: &[u8]) -> bool {
    let (plug, component) = (Interfaces::of(plug), Interfaces::of(component));
    let unversioned = |name: &str| name.split('@').next().map(str::to_owned);
    let wanted: BTreeSet<_> = component.imported().into_iter().map(unversioned).collect();
    (plug.exports()).any(|name| wanted.contains(&unversioned(name)))
}

/// `wasi:http/client` made of `wasi:http/handler`: `client.wat` in binary form.
const CLIENT: &[u8] = include_bytes!("client.wasm");

/// The component of which `arguments` say what is in it.
fn compose(arguments: &ComposeArgs, console: &Console) -> Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    // From the outermost to the component itself.
    let plugs = arguments.plugs.iter().rev();
    let files = plugs
        .chain([&arguments.component])
        .map(|path| Ok((path, component::read(path)?)))
        .collect::<Result<Vec<_>>>()?;
    let interfaces: Vec<_> = files.iter().map(|(_, wasm)| Interfaces::of(wasm)).collect();
    let mut members = Vec::new();
    for (number, (path, wasm)) in files.into_iter().enumerate() {
        let file = path.file_name().unwrap_or(path.as_os_str());
        let name = file.to_string_lossy().into_owned();
        let sends = is_sent_to(&interfaces[number], &interfaces[number + 1..]);
        let client = sends.then(|| (format!("what sends to {name}"), CLIENT.to_vec()));
        for (name, wasm) in [(name, wasm)].into_iter().chain(client) {
            // Two may be of the same file.
            let package = format!("composed:member{}", members.len());
            let package = Package::from_bytes(&package, None, wasm, graph.types_mut())
                .with_context(|| format!("{} cannot be composed", path.display()))?;
            let package = graph.register_package(package)?;
            members.push(Member { name, package });
        }
    }
    let layers = Layers::new(&graph, members)?;
    let node = layers.connect(&mut graph)?;
    let socket = layers.component();
    let exports: BTreeSet<String> = layers.exports(&graph, socket);
    for name in exports {
        let export = graph.alias_instance_export(node, &name)?;
        graph.export(export, &name)?;
    }
    for (plug, run) in layers.left_out(&graph) {
        console.detail(
            "Left out",
            format!("`{run}` of {plug}, which is for running it alone"),
        );
    }
    graph.encode(EncodeOptions::default()).map_err(|error| {
        anyhow!(
            "{} cannot be composed with {}: {:#}",
            arguments.component.display(),
            (arguments.plugs.iter())
                .map(|plug| plug.display().to_string())
                .collect::<Vec<_>>()
                .join(", "),
            anyhow::Error::from(error)
        )
    })
}

/// Whether a component answers what those further in send: it has a handler of
/// WASI 0.3, and the next of them that has to do with one imports what sends, and
/// no handler.
fn is_sent_to(component: &Interfaces, inner: &[Interfaces]) -> bool {
    let handler = |one: &Interfaces| one.exported("wasi:http/handler", Wasi::P3).is_some();
    let imports = |one: &Interfaces, name| one.is_imported(name, Wasi::P3);
    let concerned = inner.iter().find(|one| {
        let names = ["wasi:http/handler", "wasi:http/client"];
        handler(one) || names.iter().any(|name| imports(one, name))
    });
    handler(component)
        && concerned.is_some_and(|one| {
            imports(one, "wasi:http/client") && !imports(one, "wasi:http/handler")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_form_is_that_of_the_text() {
        let text = wat::parse_str(include_str!("client.wat")).unwrap();
        assert_eq!(CLIENT, text, "make it again of client.wat");
    }
}
