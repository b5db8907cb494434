//! `wasi:random`, all of it the system's.

use wasmtime::component::Linker;
use wasmtime::{Result, bail};

use crate::{Context, Guest};

/// The most bytes that are given at once.
const MOST: u64 = 64 << 20;

fn bytes(length: u64) -> Result<(Vec<u8>,)> {
    if length > MOST {
        bail!("{length} random bytes are too many at once");
    }
    let mut bytes = vec![0; length as usize];
    match getrandom::fill(&mut bytes) {
        Ok(()) => Ok((bytes,)),
        Err(error) => bail!("the system has no random numbers: {error}"),
    }
}

fn number() -> Result<(u64,)> {
    match getrandom::u64() {
        Ok(number) => Ok((number,)),
        Err(error) => bail!("the system has no random numbers: {error}"),
    }
}

/// Adds it to `linker`.
pub fn link(linker: &mut Linker<Guest>) -> Result<()> {
    let mut interface = linker.instance("wasi:random/random@0.2.0")?;
    interface.func_wrap("get-random-bytes", |_: Context, (length,): (u64,)| {
        bytes(length)
    })?;
    interface.func_wrap("get-random-u64", |_: Context, ()| number())?;
    let mut interface = linker.instance("wasi:random/insecure@0.2.0")?;
    interface.func_wrap(
        "get-insecure-random-bytes",
        |_: Context, (length,): (u64,)| bytes(length),
    )?;
    interface.func_wrap("get-insecure-random-u64", |_: Context, ()| number())?;
    let mut interface = linker.instance("wasi:random/insecure-seed@0.2.0")?;
    interface.func_wrap("insecure-seed", |_: Context, ()| {
        Ok(((number()?.0, number()?.0),))
    })
}
