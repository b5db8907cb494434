//! `wasi:io/streams` and `wasi:io/error`.

use std::io;
use std::sync::Arc;

use rustix::event::PollFlags;
use rustix::io::Errno;
use wasmtime::Result;
use wasmtime::component::{ComponentType, Lift, Linker, Lower, Resource, ResourceType};

use crate::files::Open;
use crate::poll::{Pollable, Standard, Waits, is_ready, wait_for};
use crate::tcp::Connection;
use crate::{Context, Guest, dropped};

/// The most that is read at once.
const PIECE: u64 = 64 << 10;

/// What can be written at once to a pipe that poll(2) says can be written to;
/// see `PIPE_BUF` in pipe(7).
const AT_ONCE: u64 = 4096;

/// What a guest reads.
#[derive(Debug)]
pub enum Input {
    Standard,
    Tcp(Arc<Connection>),
    /// A file, from this place on.
    File(Arc<Open>, u64),
}

/// What it writes.
#[derive(Debug)]
pub enum Output {
    Standard(Standard),
    Tcp(Arc<Connection>),
    /// A file, from this place on, or at its end.
    File(Arc<Open>, Option<u64>),
}

/// Why a stream gave nothing, or took nothing.
#[derive(Debug)]
pub enum Fault {
    Closed,
    Failed(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        Fault::Failed(error)
    }
}

impl From<Errno> for Fault {
    fn from(error: Errno) -> Fault {
        Fault::Failed(error.into())
    }
}

/// `wasi:io/streams.stream-error`.
#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    Failed(Resource<io::Error>),
    #[component(name = "closed")]
    Closed,
}

impl Input {
    /// Up to `length` bytes, as many as there are. `turn` is the number of the
    /// last wait.
    pub fn read(&mut self, length: u64, turn: u64) -> Result<Vec<u8>, Fault> {
        let length = length.min(PIECE);
        if length == 0 {
            return Ok(Vec::new());
        }
        let mut bytes = vec![0; length as usize];
        let read = match self {
            Input::Standard => {
                let descriptor = Standard::Input.descriptor();
                if !is_ready(descriptor, PollFlags::IN) {
                    return Ok(Vec::new());
                }
                rustix::io::read(descriptor, &mut bytes)
            }
            Input::Tcp(connection) => connection.receive(&mut bytes, turn),
            Input::File(file, place) => {
                let read = rustix::io::pread(&file.file, &mut bytes, *place);
                *place += *read.as_ref().unwrap_or(&0) as u64;
                read
            }
        };
        match read {
            Ok(0) => Err(Fault::Closed),
            Ok(read) => {
                bytes.truncate(read);
                Ok(bytes)
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    fn pollable(&self) -> Pollable {
        match self {
            Input::Standard => Pollable::Standard(Standard::Input),
            Input::Tcp(connection) => connection.readable(),
            Input::File(..) => Pollable::Ready,
        }
    }
}

impl Output {
    /// How many bytes can be written now.
    pub fn room(&self) -> Result<u64, Fault> {
        match self {
            Output::Standard(stream) => Ok(match is_ready(stream.descriptor(), PollFlags::OUT) {
                true => AT_ONCE,
                false => 0,
            }),
            Output::Tcp(connection) => connection.room(),
            Output::File(..) => Ok(PIECE),
        }
    }

    /// Writes all of `bytes`, for which there is room.
    pub fn write(&mut self, bytes: Vec<u8>, waits: &mut Waits) -> Result<(), Fault> {
        match self {
            Output::Standard(stream) => {
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    match rustix::io::write(stream.descriptor(), rest) {
                        Ok(written) => rest = &rest[written..],
                        Err(Errno::INTR) => {}
                        Err(Errno::PIPE) => return Err(Fault::Closed),
                        Err(error) => return Err(error.into()),
                    }
                }
                Ok(())
            }
            Output::Tcp(connection) => {
                connection.write(bytes)?;
                waits.send_later(connection);
                Ok(())
            }
            Output::File(file, place) => {
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    let at = match place {
                        Some(place) => *place,
                        None => file.file.metadata()?.len(),
                    };
                    let written = match rustix::io::pwrite(&file.file, rest, at) {
                        Ok(written) => written,
                        Err(Errno::INTR) => continue,
                        Err(error) => return Err(error.into()),
                    };
                    rest = &rest[written..];
                    if let Some(place) = place {
                        *place += written as u64;
                    }
                }
                Ok(())
            }
        }
    }

    fn pollable(&self) -> Pollable {
        match self {
            Output::Standard(stream) => Pollable::Standard(*stream),
            Output::Tcp(connection) => connection.writable(),
            Output::File(..) => Pollable::Ready,
        }
    }
}

/// What a function gives back, in WASI's form.
type Answer<T> = (Result<T, StreamError>,);

fn answer<T>(guest: &mut Guest, result: Result<T, Fault>) -> Result<Answer<T>> {
    Ok((match result {
        Ok(value) => Ok(value),
        Err(Fault::Closed) => Err(StreamError::Closed),
        Err(Fault::Failed(error)) => Err(StreamError::Failed(guest.table.push(error)?)),
    },))
}

fn read(
    guest: &mut Guest,
    input: &Resource<Input>,
    length: u64,
    wait: bool,
) -> Result<Result<Vec<u8>, Fault>> {
    loop {
        let input = guest.table.get_mut(input)?;
        let read = input.read(length, guest.waits.turn());
        if !wait || length == 0 || !matches!(&read, Ok(bytes) if bytes.is_empty()) {
            return Ok(read);
        }
        let pollable = input.pollable();
        wait_for(pollable, guest)?;
    }
}

/// Writes all of `bytes`, however long that takes.
fn write_all(
    guest: &mut Guest,
    output: &Resource<Output>,
    bytes: Vec<u8>,
) -> Result<Result<(), Fault>> {
    let mut rest = &bytes[..];
    loop {
        let room = match room(guest, output)? {
            Ok(room) => room,
            Err(fault) => return Ok(Err(fault)),
        };
        if rest.is_empty() && room > 0 {
            return Ok(Ok(()));
        }
        let (now, later) = rest.split_at(rest.len().min(room as usize));
        if !now.is_empty() {
            let stream = guest.table.get_mut(output)?;
            if let Err(fault) = stream.write(now.to_vec(), &mut guest.waits) {
                return Ok(Err(fault));
            }
            rest = later;
            continue;
        }
        let pollable = guest.table.get(output)?.pollable();
        wait_for(pollable, guest)?;
    }
}

fn room(guest: &mut Guest, output: &Resource<Output>) -> Result<Result<u64, Fault>> {
    Ok(guest.table.get(output)?.room())
}

/// Adds them to `linker`.
pub fn link(linker: &mut Linker<Guest>) -> Result<()> {
    let mut interface = linker.instance("wasi:io/error@0.2.0")?;
    interface.resource(
        "error",
        ResourceType::host::<io::Error>(),
        dropped::<io::Error>,
    )?;
    interface.func_wrap(
        "[method]error.to-debug-string",
        |context: Context, (error,): (Resource<io::Error>,)| {
            Ok((format!("{:?}", context.data().table.get(&error)?),))
        },
    )?;

    let mut interface = linker.instance("wasi:io/streams@0.2.0")?;
    interface.resource(
        "input-stream",
        ResourceType::host::<Input>(),
        dropped::<Input>,
    )?;
    interface.resource(
        "output-stream",
        ResourceType::host::<Output>(),
        dropped::<Output>,
    )?;
    for (name, wait) in [("read", false), ("blocking-read", true)] {
        interface.func_wrap(
            &format!("[method]input-stream.{name}"),
            move |mut context: Context, (input, length): (Resource<Input>, u64)| {
                let guest = context.data_mut();
                let read = read(guest, &input, length, wait)?;
                answer(guest, read)
            },
        )?;
    }
    for (name, wait) in [("skip", false), ("blocking-skip", true)] {
        interface.func_wrap(
            &format!("[method]input-stream.{name}"),
            move |mut context: Context, (input, length): (Resource<Input>, u64)| {
                let guest = context.data_mut();
                let read = read(guest, &input, length, wait)?;
                answer(guest, read.map(|bytes| bytes.len() as u64))
            },
        )?;
    }
    interface.func_wrap(
        "[method]input-stream.subscribe",
        |mut context: Context, (input,): (Resource<Input>,)| {
            let table = &mut context.data_mut().table;
            let pollable = table.get(&input)?.pollable();
            Ok((table.push(pollable)?,))
        },
    )?;

    interface.func_wrap(
        "[method]output-stream.check-write",
        |mut context: Context, (output,): (Resource<Output>,)| {
            let guest = context.data_mut();
            let room = room(guest, &output)?;
            answer(guest, room)
        },
    )?;
    interface.func_wrap(
        "[method]output-stream.write",
        |mut context: Context, (output, bytes): (Resource<Output>, Vec<u8>)| {
            let guest = context.data_mut();
            let stream = guest.table.get_mut(&output)?;
            let written = stream.write(bytes, &mut guest.waits);
            answer(guest, written)
        },
    )?;
    interface.func_wrap(
        "[method]output-stream.blocking-write-and-flush",
        |mut context: Context, (output, bytes): (Resource<Output>, Vec<u8>)| {
            let guest = context.data_mut();
            let written = write_all(guest, &output, bytes)?;
            answer(guest, written)
        },
    )?;
    // Whatever was written is on its way.
    interface.func_wrap(
        "[method]output-stream.flush",
        |mut context: Context, (output,): (Resource<Output>,)| {
            let guest = context.data_mut();
            let room = room(guest, &output)?;
            answer(guest, room.map(|_| ()))
        },
    )?;
    interface.func_wrap(
        "[method]output-stream.blocking-flush",
        |mut context: Context, (output,): (Resource<Output>,)| {
            let guest = context.data_mut();
            let written = write_all(guest, &output, Vec::new())?;
            answer(guest, written)
        },
    )?;
    interface.func_wrap(
        "[method]output-stream.subscribe",
        |mut context: Context, (output,): (Resource<Output>,)| {
            let table = &mut context.data_mut().table;
            let pollable = table.get(&output)?.pollable();
            Ok((table.push(pollable)?,))
        },
    )?;
    interface.func_wrap(
        "[method]output-stream.write-zeroes",
        |mut context: Context, (output, length): (Resource<Output>, u64)| {
            let guest = context.data_mut();
            let zeroes = vec![0; length.min(PIECE) as usize];
            let stream = guest.table.get_mut(&output)?;
            let written = stream.write(zeroes, &mut guest.waits);
            answer(guest, written)
        },
    )?;
    interface.func_wrap(
        "[method]output-stream.blocking-write-zeroes-and-flush",
        |mut context: Context, (output, length): (Resource<Output>, u64)| {
            let guest = context.data_mut();
            let zeroes = vec![0; length.min(PIECE) as usize];
            let written = write_all(guest, &output, zeroes)?;
            answer(guest, written)
        },
    )?;
    for (name, wait) in [("splice", false), ("blocking-splice", true)] {
        interface.func_wrap(
            &format!("[method]output-stream.{name}"),
            move |mut context: Context,
                  (output, input, length): (Resource<Output>, Resource<Input>, u64)| {
                let guest = context.data_mut();
                let room = match room(guest, &output)? {
                    Ok(0) if wait => PIECE,
                    Ok(room) => room,
                    Err(fault) => return answer(guest, Err(fault)),
                };
                let bytes = match read(guest, &input, length.min(room), wait)? {
                    Ok(bytes) => bytes,
                    Err(fault) => return answer(guest, Err(fault)),
                };
                let moved = bytes.len() as u64;
                let written = match wait {
                    true => write_all(guest, &output, bytes)?,
                    false => {
                        let stream = guest.table.get_mut(&output)?;
                        stream.write(bytes, &mut guest.waits)
                    }
                };
                answer(guest, written.map(|()| moved))
            },
        )?;
    }
    Ok(())
}
