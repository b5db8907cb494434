//! WASI 0.2 for Wasmtime on [poll(2)], with no event loop, no async runtime and
//! no thread but those that look names up.
//!
//! A guest is called on the caller's thread. What it waits for is a list of
//! descriptors and a time, for which that thread waits in one system call; all
//! else that a guest calls returns at once. There is no Tokio in the tree of
//! this crate, nor any other executor: who embeds Wasmtime without one can do as
//! is done here.
//!
//! It has what `wasi:cli/command` has: clocks, random numbers, the command line,
//! standard streams, files, sockets and name lookup. It has no `wasi:http`.
//!
//! [`World`] says what a guest may do, and [`run`] runs it. Each interface is a
//! module that links itself: [`poll`] is what all waits come to.
//!
//! [poll(2)]: https://man7.org/linux/man-pages/man2/poll.2.html

// The first page is for whoever works on this, too.
#![allow(rustdoc::private_intra_doc_links)]

mod cli;
mod clocks;
mod files;
mod names;
mod network;
mod poll;
mod random;
mod streams;
mod tcp;
mod udp;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::{Component, Linker, Resource, ResourceTable};
use wasmtime::{Engine, Result, Store, StoreContextMut};

pub use cli::Exit;

/// What a guest is given.
#[derive(Default)]
pub struct World {
    /// Its arguments, the first of which is its own name.
    pub arguments: Vec<String>,
    /// Its environment.
    pub environment: Vec<(String, String)>,
    /// Directories, and what it calls them.
    pub directories: Vec<(PathBuf, String)>,
    /// Whether it may use the network.
    pub network: bool,
    /// Whether it may look names up.
    pub name_lookup: bool,
    /// What is told when it was refused something.
    pub on_denial: Option<Arc<dyn Fn(Denied) + Send + Sync>>,
}

/// What a guest was refused.
#[derive(Clone, Debug)]
pub enum Denied {
    /// The network: what it wanted with it.
    Network(String),
    /// The lookup of this name.
    NameLookup(String),
}

/// A guest's side of the host.
struct Guest {
    table: ResourceTable,
    world: World,
    preopened: Vec<(Arc<files::Descriptor>, String)>,
    started: Instant,
    waits: poll::Waits,
}

/// What every function of the host gets.
type Context<'a> = StoreContextMut<'a, Guest>;

impl fmt::Debug for World {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut world = formatter.debug_struct("World");
        world.field("arguments", &self.arguments);
        world.finish_non_exhaustive()
    }
}

/// A component that is linked to this host.
pub struct Program {
    instance: wasmtime::component::InstancePre<Guest>,
}

impl fmt::Debug for Program {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Program").finish_non_exhaustive()
    }
}

impl Program {
    /// Links `component` to everything this host has.
    ///
    /// # Errors
    ///
    /// Where it imports something else.
    pub fn link(engine: &Engine, component: &Component) -> Result<Program> {
        let mut linker = Linker::new(engine);
        cli::link(&mut linker)?;
        clocks::link(&mut linker)?;
        files::link(&mut linker)?;
        names::link(&mut linker)?;
        network::link(&mut linker)?;
        poll::link(&mut linker)?;
        random::link(&mut linker)?;
        streams::link(&mut linker)?;
        tcp::link(&mut linker)?;
        udp::link(&mut linker)?;
        let instance = linker.instantiate_pre(component)?;
        Ok(Program { instance })
    }

    /// Calls its `wasi:cli/run`, to its end; gives back the exit code.
    ///
    /// # Errors
    ///
    /// Where it traps, where a directory cannot be opened, or where it is no
    /// command.
    pub fn run(&self, engine: &Engine, world: World) -> Result<u8> {
        let preopened = files::open(&world.directories)?;
        let mut store = Store::new(
            engine,
            Guest {
                table: ResourceTable::new(),
                world,
                preopened,
                started: Instant::now(),
                waits: poll::Waits::default(),
            },
        );
        // Nobody moves the epoch on unless there is a time limit.
        store.set_epoch_deadline(1);
        let instance = self.instance.instantiate(&mut store)?;
        let ended = cli::call(&mut store, &instance);
        poll::send_rest(store.data_mut());
        cli::exit_code(ended)
    }
}

/// Drops a resource of the guest's.
fn dropped<T: Send + 'static>(mut context: Context<'_>, number: u32) -> Result<()> {
    context
        .data_mut()
        .table
        .delete(Resource::<T>::new_own(number))?;
    Ok(())
}
