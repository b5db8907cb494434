//! `wasi:cli`.

use std::fmt;
use std::os::fd::AsFd;

use wasmtime::component::{Instance, Linker, Resource, ResourceType};
use wasmtime::error::Context as _;
use wasmtime::{Result, Store};

use crate::poll::Standard;
use crate::streams::{Input, Output};
use crate::{Context, Guest, dropped};

/// A guest's own end of its run, by this code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub u8);

impl fmt::Display for Exit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "exit with code {}", self.0)
    }
}

impl std::error::Error for Exit {}

/// A stream that is a terminal.
struct Terminal;

/// Calls `wasi:cli/run`.
pub fn call(store: &mut Store<Guest>, instance: &Instance) -> Result<Result<(), ()>> {
    let interface = instance
        .get_export_index(&mut *store, None, "wasi:cli/run@0.2.0")
        .context(
            "it is not a command, because it does not export `wasi:cli/run`: is it a library, or \
             a `wasi:http` server for `cargo wasip2 serve`?",
        )?;
    let run = instance
        .get_export_index(&mut *store, Some(&interface), "run")
        .context("its `wasi:cli/run` has no `run`")?;
    let run = instance.get_typed_func::<(), (Result<(), ()>,)>(&mut *store, &run)?;
    let (ended,) = run.call(store, ())?;
    Ok(ended)
}

/// The exit code that a call of it amounts to.
pub fn exit_code(ended: Result<Result<(), ()>>) -> Result<u8> {
    match ended {
        Ok(Ok(())) => Ok(0),
        Ok(Err(())) => Ok(1),
        Err(error) => match error.downcast_ref() {
            Some(Exit(code)) => Ok(*code),
            None => Err(error),
        },
    }
}

/// Adds it to `linker`.
pub fn link(linker: &mut Linker<Guest>) -> Result<()> {
    let mut interface = linker.instance("wasi:cli/environment@0.2.0")?;
    interface.func_wrap("get-environment", |context: Context, ()| {
        Ok((context.data().world.environment.clone(),))
    })?;
    interface.func_wrap("get-arguments", |context: Context, ()| {
        Ok((context.data().world.arguments.clone(),))
    })?;
    interface.func_wrap("initial-cwd", |_: Context, ()| Ok((None::<String>,)))?;

    let mut interface = linker.instance("wasi:cli/exit@0.2.0")?;
    interface.func_wrap(
        "exit",
        |_: Context, (status,): (Result<(), ()>,)| -> Result<()> {
            Err(Exit(u8::from(status.is_err())).into())
        },
    )?;
    interface.func_wrap(
        "exit-with-code",
        |_: Context, (code,): (u8,)| -> Result<()> { Err(Exit(code).into()) },
    )?;

    linker
        .instance("wasi:cli/stdin@0.2.0")?
        .func_wrap("get-stdin", |mut context: Context, ()| {
            Ok((context.data_mut().table.push(Input::Standard)?,))
        })?;
    for (interface, function, stream) in [
        ("wasi:cli/stdout@0.2.0", "get-stdout", Standard::Output),
        ("wasi:cli/stderr@0.2.0", "get-stderr", Standard::Error),
    ] {
        linker
            .instance(interface)?
            .func_wrap(function, move |mut context: Context, ()| {
                Ok((context.data_mut().table.push(Output::Standard(stream))?,))
            })?;
    }

    for (interface, resource) in [
        ("wasi:cli/terminal-input@0.2.0", "terminal-input"),
        ("wasi:cli/terminal-output@0.2.0", "terminal-output"),
    ] {
        linker.instance(interface)?.resource(
            resource,
            ResourceType::host::<Terminal>(),
            dropped::<Terminal>,
        )?;
    }
    for (interface, function, stream) in [
        (
            "wasi:cli/terminal-stdin@0.2.0",
            "get-terminal-stdin",
            Standard::Input,
        ),
        (
            "wasi:cli/terminal-stdout@0.2.0",
            "get-terminal-stdout",
            Standard::Output,
        ),
        (
            "wasi:cli/terminal-stderr@0.2.0",
            "get-terminal-stderr",
            Standard::Error,
        ),
    ] {
        linker
            .instance(interface)?
            .func_wrap(function, move |mut context: Context, ()| {
                let terminal: Option<Resource<Terminal>> =
                    match rustix::termios::isatty(stream.descriptor().as_fd()) {
                        true => Some(context.data_mut().table.push(Terminal)?),
                        false => None,
                    };
                Ok((terminal,))
            })?;
    }
    Ok(())
}
