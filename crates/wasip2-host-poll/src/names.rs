//! `wasi:sockets/ip-name-lookup`.
//!
//! The system's resolver blocks, so each lookup is a thread; a pipe that it
//! closes is what the guest waits for.

use std::net::{IpAddr, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};
use std::vec::IntoIter;

use rustix::event::PollFlags;
use wasmtime::Result;
use wasmtime::component::{Linker, Resource, ResourceType};

use crate::network::{ErrorCode, Ip, Network};
use crate::poll::Pollable;
use crate::{Context, Denied, Guest, dropped};

type Found = Result<IntoIter<IpAddr>, ErrorCode>;

/// A lookup that goes on.
struct Lookup {
    found: Arc<Mutex<Option<Found>>>,
    /// Closed at its other end when it is over.
    over: Arc<OwnedFd>,
}

impl Lookup {
    fn start(name: String) -> Result<Lookup, ErrorCode> {
        let (over, held) = std::io::pipe()?;
        let found = Arc::new(Mutex::new(None));
        let place = found.clone();
        let looking = move || {
            let result = look(&name);
            *place.lock().expect("nothing that holds this panics") = Some(result);
            drop(held);
        };
        std::thread::Builder::new().spawn(looking)?;
        Ok(Lookup {
            found,
            over: Arc::new(over.into()),
        })
    }
}

fn look(name: &str) -> Found {
    if let Ok(address) = name.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Ok(vec![address].into_iter());
    }
    match (name, 0).to_socket_addrs() {
        Ok(found) => {
            let mut addresses: Vec<IpAddr> = Vec::new();
            for address in found.map(|address| address.ip().to_canonical()) {
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
            Ok(addresses.into_iter())
        }
        Err(_) => Err(ErrorCode::NameUnresolvable),
    }
}

/// Adds it to `linker`.
pub fn link(linker: &mut Linker<Guest>) -> Result<()> {
    let mut interface = linker.instance("wasi:sockets/ip-name-lookup@0.2.0")?;
    interface.resource(
        "resolve-address-stream",
        ResourceType::host::<Lookup>(),
        dropped::<Lookup>,
    )?;
    interface.func_wrap(
        "resolve-addresses",
        |mut context: Context, (_network, name): (Resource<Network>, String)| {
            let guest = context.data_mut();
            if !guest.world.name_lookup {
                if let Some(tell) = &guest.world.on_denial {
                    tell(Denied::NameLookup(name));
                }
                return Ok((Err(ErrorCode::PermanentResolverFailure),));
            }
            if name.is_empty() || name.contains([' ', '/', ':', '@']) && !name.contains("::") {
                return Ok((Err(ErrorCode::InvalidArgument),));
            }
            Ok((match Lookup::start(name) {
                Ok(lookup) => Ok(guest.table.push(lookup)?),
                Err(error) => Err(error),
            },))
        },
    )?;
    interface.func_wrap(
        "[method]resolve-address-stream.resolve-next-address",
        |context: Context, (lookup,): (Resource<Lookup>,)| {
            let lookup = context.data().table.get(&lookup)?;
            let mut found = lookup.found.lock().expect("nothing that holds this panics");
            Ok((match &mut *found {
                None => Err(ErrorCode::WouldBlock),
                Some(Ok(addresses)) => Ok(addresses.next().map(Ip::from)),
                Some(Err(error)) => Err(*error),
            },))
        },
    )?;
    interface.func_wrap(
        "[method]resolve-address-stream.subscribe",
        |mut context: Context, (lookup,): (Resource<Lookup>,)| {
            let table = &mut context.data_mut().table;
            let over = table.get(&lookup)?.over.clone();
            Ok((table.push(Pollable::Io(over, PollFlags::IN))?,))
        },
    )
}
