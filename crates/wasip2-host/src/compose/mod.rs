//! Puts components into one: `cargo wasip2 compose`.
//!
//! wac's composition graph does it. What is ours is to say beforehand what
//! would not work, or would silently not be done: a plug that nothing takes
//! anything from, and resources that are not the same for all. See [`layers`].

mod arguments;
mod layers;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions};

use wasip2_ground::Console;
use wasip2_ground::files::write_whole;

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

/// The component of which `arguments` say what is in it.
fn compose(arguments: &ComposeArgs, console: &Console) -> Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let mut members = Vec::new();
    // From the outermost to the component itself.
    let plugs = arguments.plugs.iter().rev();
    for (number, path) in plugs.chain([&arguments.component]).enumerate() {
        let wasm = component::read(path)?;
        let name = path
            .file_name()
            .unwrap_or(path.as_os_str())
            .to_string_lossy();
        // Two may be of the same file.
        let package = format!("composed:member{number}");
        let package = Package::from_bytes(&package, None, wasm, graph.types_mut())
            .with_context(|| format!("{} cannot be composed", path.display()))?;
        members.push(Member {
            name: name.into_owned(),
            package: graph.register_package(package)?,
        });
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
