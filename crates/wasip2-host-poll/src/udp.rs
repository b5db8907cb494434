//! `wasi:sockets/udp` and `udp-create-socket`.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard};

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{self, RecvFlags, SendFlags, SocketFlags, SocketType, sockopt};
use wasmtime::component::{ComponentType, Lift, Linker, Lower, Resource, ResourceType};
use wasmtime::{Result, bail};

use crate::network::{Address, ErrorCode, Family, Network, ask};
use crate::poll::{Pollable, is_ready};
use crate::tcp::{address, size, wanted};
use crate::{Context, Guest, dropped};

/// The largest datagram that there is.
const LARGEST: usize = 65_535;

/// How many datagrams may be sent or received by one call.
const MOST: u64 = 16;

/// A socket.
#[derive(Debug)]
struct Udp {
    descriptor: Arc<OwnedFd>,
    family: Family,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Unbound,
    Binding,
    Bound,
    Connected(SocketAddr),
}

/// What is received by a socket, or sent.
#[derive(Debug)]
struct Stream {
    descriptor: Arc<OwnedFd>,
    family: Family,
    /// With whom alone.
    remote: Option<SocketAddr>,
}

/// Datagrams that come.
#[derive(Debug)]
struct Incoming(Stream);

/// Datagrams that go.
#[derive(Debug)]
struct Outgoing {
    stream: Stream,
    /// How many may be sent.
    permitted: u64,
}

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct IncomingDatagram {
    data: Vec<u8>,
    #[component(name = "remote-address")]
    remote: Address,
}

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct OutgoingDatagram {
    data: Vec<u8>,
    #[component(name = "remote-address")]
    remote: Option<Address>,
}

impl Udp {
    fn new(family: Family) -> Result<Udp, ErrorCode> {
        let descriptor = net::socket_with(
            family.domain(),
            SocketType::DGRAM,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            None,
        )?;
        if family == Family::V6 {
            sockopt::set_ipv6_v6only(&descriptor, true)?;
        }
        Ok(Udp {
            descriptor: Arc::new(descriptor),
            family,
            state: Mutex::new(State::Unbound),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing that holds this panics")
    }

    fn start_bind(&self, address: SocketAddr) -> Result<(), ErrorCode> {
        let mut state = self.state();
        if *state != State::Unbound {
            return Err(ErrorCode::InvalidState);
        }
        if !self.family.has(&address) {
            return Err(ErrorCode::InvalidArgument);
        }
        net::bind(&*self.descriptor, &address)?;
        *state = State::Binding;
        Ok(())
    }

    fn finish_bind(&self) -> Result<(), ErrorCode> {
        let mut state = self.state();
        if *state != State::Binding {
            return Err(ErrorCode::NotInProgress);
        }
        *state = State::Bound;
        Ok(())
    }

    fn stream(&self, remote: Option<SocketAddr>) -> Result<(Incoming, Outgoing), ErrorCode> {
        let mut state = self.state();
        match *state {
            State::Bound => {}
            State::Connected(_) => {
                match net::connect_unspec(&*self.descriptor) {
                    // Some systems say so though it is done.
                    Ok(()) | Err(Errno::AFNOSUPPORT) => *state = State::Bound,
                    Err(error) => return Err(error.into()),
                }
            }
            _ => return Err(ErrorCode::InvalidState),
        }
        if let Some(remote) = remote {
            check(self.family, &remote)?;
            net::connect(&*self.descriptor, &remote)?;
            *state = State::Connected(remote);
        }
        let stream = || Stream {
            descriptor: self.descriptor.clone(),
            family: self.family,
            remote,
        };
        let outgoing = Outgoing {
            stream: stream(),
            permitted: 0,
        };
        Ok((Incoming(stream()), outgoing))
    }

    fn local_address(&self) -> Result<Address, ErrorCode> {
        match *self.state() {
            State::Unbound | State::Binding => Err(ErrorCode::InvalidState),
            _ => address(net::getsockname(&*self.descriptor)?),
        }
    }

    fn remote_address(&self) -> Result<Address, ErrorCode> {
        match *self.state() {
            State::Connected(remote) => Ok(remote.into()),
            _ => Err(ErrorCode::InvalidState),
        }
    }
}

/// Whether something can be sent there.
fn check(family: Family, remote: &SocketAddr) -> Result<(), ErrorCode> {
    match family.has(remote) && !remote.ip().is_unspecified() && remote.port() != 0 {
        true => Ok(()),
        false => Err(ErrorCode::InvalidArgument),
    }
}

impl Incoming {
    fn receive(&self, most: u64) -> Result<Vec<IncomingDatagram>, ErrorCode> {
        let mut received = Vec::new();
        let mut bytes = vec![0; LARGEST];
        while (received.len() as u64) < most.min(MOST) {
            let next = net::recvfrom(&*self.0.descriptor, &mut bytes[..], RecvFlags::empty());
            let (length, remote) = match next {
                Ok((length, _, remote)) => (length, remote),
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => break,
                // Told with the next call.
                Err(_) if !received.is_empty() => break,
                Err(error) => return Err(error.into()),
            };
            let Some(remote) = remote.and_then(|remote| SocketAddr::try_from(remote).ok()) else {
                continue;
            };
            if self.0.remote.is_some_and(|only| only != remote) {
                continue;
            }
            received.push(IncomingDatagram {
                data: bytes[..length].to_vec(),
                remote: remote.into(),
            });
        }
        Ok(received)
    }
}

impl Outgoing {
    fn check(&mut self) -> u64 {
        self.permitted = match is_ready(&*self.stream.descriptor, PollFlags::OUT) {
            true => MOST,
            false => 0,
        };
        self.permitted
    }

    fn send(&mut self, guest: &Guest, datagrams: &[OutgoingDatagram]) -> Result<u64, ErrorCode> {
        let mut sent = 0;
        for datagram in datagrams {
            match self.send_one(guest, datagram) {
                Ok(()) => sent += 1,
                Err(ErrorCode::WouldBlock) => break,
                // Told with the next call.
                Err(_) if sent > 0 => break,
                Err(error) => return Err(error),
            }
        }
        self.permitted -= sent;
        Ok(sent)
    }

    fn send_one(&self, guest: &Guest, datagram: &OutgoingDatagram) -> Result<(), ErrorCode> {
        let remote = datagram.remote.map(SocketAddr::from);
        let remote = match (self.stream.remote, remote) {
            (Some(only), Some(remote)) if only != remote => {
                return Err(ErrorCode::InvalidArgument);
            }
            (only, remote) => only.or(remote).ok_or(ErrorCode::InvalidArgument)?,
        };
        check(self.stream.family, &remote)?;
        ask(guest, || format!("the network (UDP: send to {remote})"))?;
        let descriptor = &*self.stream.descriptor;
        loop {
            let sent = match self.stream.remote {
                Some(_) => net::send(descriptor, &datagram.data, SendFlags::NOSIGNAL),
                None => net::sendto(descriptor, &datagram.data, SendFlags::NOSIGNAL, &remote),
            };
            match sent {
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

type Socket = Arc<Udp>;

fn of(context: &Context, socket: &Resource<Socket>) -> Result<Socket> {
    Ok(context.data().table.get(socket)?.clone())
}

/// Adds them to `linker`.
pub fn link(linker: &mut Linker<Guest>) -> Result<()> {
    linker
        .instance("wasi:sockets/udp-create-socket@0.2.0")?
        .func_wrap(
            "create-udp-socket",
            |mut context: Context, (family,): (Family,)| {
                Ok((match Udp::new(family) {
                    Ok(socket) => Ok(context.data_mut().table.push(Arc::new(socket))?),
                    Err(error) => Err(error),
                },))
            },
        )?;
    let mut interface = linker.instance("wasi:sockets/udp@0.2.0")?;
    interface.resource(
        "udp-socket",
        ResourceType::host::<Socket>(),
        dropped::<Socket>,
    )?;
    interface.resource(
        "incoming-datagram-stream",
        ResourceType::host::<Incoming>(),
        dropped::<Incoming>,
    )?;
    interface.resource(
        "outgoing-datagram-stream",
        ResourceType::host::<Outgoing>(),
        dropped::<Outgoing>,
    )?;
    macro_rules! method {
        ($name:literal, |$socket:ident $(, $argument:ident: $kind:ty)*| -> $answer:ty $body:block) => {
            interface.func_wrap(
                concat!("[method]udp-socket.", $name),
                |context: Context, ($socket, $($argument,)*): (Resource<Socket>, $($kind,)*)| {
                    let $socket = of(&context, &$socket)?;
                    let work = || -> $answer { $body };
                    let answer = work();
                    Ok((answer,))
                },
            )?;
        };
    }
    interface.func_wrap(
        "[method]udp-socket.start-bind",
        |context: Context, (socket, _, address): (Resource<Socket>, Resource<Network>, Address)| {
            let address = SocketAddr::from(address);
            let socket = of(&context, &socket)?;
            Ok((ask(context.data(), || {
                format!("the network (UDP: bind to {address})")
            })
            .and_then(|()| socket.start_bind(address)),))
        },
    )?;
    interface.func_wrap(
        "[method]udp-socket.stream",
        |mut context: Context, (socket, remote): (Resource<Socket>, Option<Address>)| {
            let remote = remote.map(SocketAddr::from);
            let socket = of(&context, &socket)?;
            let allowed = match remote {
                Some(remote) => ask(context.data(), || {
                    format!("the network (UDP: send to {remote})")
                }),
                None => Ok(()),
            };
            let streams = allowed.and_then(|()| socket.stream(remote));
            let table = &mut context.data_mut().table;
            Ok((match streams {
                Ok((incoming, outgoing)) => Ok((table.push(incoming)?, table.push(outgoing)?)),
                Err(error) => Err(error),
            },))
        },
    )?;
    interface.func_wrap(
        "[method]udp-socket.subscribe",
        |mut context: Context, (_socket,): (Resource<Socket>,)| {
            Ok((context.data_mut().table.push(Pollable::Ready)?,))
        },
    )?;
    method!("finish-bind", |socket| -> Result<(), ErrorCode> {
        socket.finish_bind()
    });
    method!("local-address", |socket| -> Result<Address, ErrorCode> {
        socket.local_address()
    });
    method!("remote-address", |socket| -> Result<Address, ErrorCode> {
        socket.remote_address()
    });
    method!("address-family", |socket| -> Family { socket.family });
    method!("unicast-hop-limit", |socket| -> Result<u8, ErrorCode> {
        Ok(match socket.family {
            Family::V4 => sockopt::ip_ttl(&*socket.descriptor)? as u8,
            Family::V6 => sockopt::ipv6_unicast_hops(&*socket.descriptor)?,
        })
    });
    method!("set-unicast-hop-limit", |socket,
                                      value: u8|
     -> Result<(), ErrorCode> {
        match (socket.family, value) {
            (_, 0) => return Err(ErrorCode::InvalidArgument),
            (Family::V4, value) => sockopt::set_ip_ttl(&*socket.descriptor, value.into())?,
            (Family::V6, value) => {
                sockopt::set_ipv6_unicast_hops(&*socket.descriptor, Some(value))?
            }
        }
        Ok(())
    });
    method!("receive-buffer-size", |socket| -> Result<u64, ErrorCode> {
        Ok(size(sockopt::socket_recv_buffer_size(&*socket.descriptor)?))
    });
    method!("set-receive-buffer-size", |socket,
                                        value: u64|
     -> Result<(), ErrorCode> {
        Ok(sockopt::set_socket_recv_buffer_size(
            &*socket.descriptor,
            wanted(value)?,
        )?)
    });
    method!("send-buffer-size", |socket| -> Result<u64, ErrorCode> {
        Ok(size(sockopt::socket_send_buffer_size(&*socket.descriptor)?))
    });
    method!("set-send-buffer-size", |socket,
                                     value: u64|
     -> Result<(), ErrorCode> {
        Ok(sockopt::set_socket_send_buffer_size(
            &*socket.descriptor,
            wanted(value)?,
        )?)
    });

    interface.func_wrap(
        "[method]incoming-datagram-stream.receive",
        |context: Context, (stream, most): (Resource<Incoming>, u64)| {
            Ok((context.data().table.get(&stream)?.receive(most),))
        },
    )?;
    interface.func_wrap(
        "[method]incoming-datagram-stream.subscribe",
        |mut context: Context, (stream,): (Resource<Incoming>,)| {
            let table = &mut context.data_mut().table;
            let descriptor = table.get(&stream)?.0.descriptor.clone();
            Ok((table.push(Pollable::Io(descriptor, PollFlags::IN))?,))
        },
    )?;
    interface.func_wrap(
        "[method]outgoing-datagram-stream.check-send",
        |mut context: Context, (stream,): (Resource<Outgoing>,)| {
            let permitted = context.data_mut().table.get_mut(&stream)?.check();
            Ok((Ok::<_, ErrorCode>(permitted),))
        },
    )?;
    interface.func_wrap(
        "[method]outgoing-datagram-stream.send",
        |mut context: Context, (stream, datagrams): (Resource<Outgoing>, Vec<OutgoingDatagram>)| {
            let guest = context.data_mut();
            let outgoing = guest.table.get(&stream)?;
            if datagrams.len() as u64 > outgoing.permitted {
                bail!("more datagrams were sent than `check-send` has allowed");
            }
            let mut outgoing = Outgoing {
                stream: Stream {
                    descriptor: outgoing.stream.descriptor.clone(),
                    ..outgoing.stream
                },
                permitted: outgoing.permitted,
            };
            let sent = outgoing.send(guest, &datagrams);
            guest.table.get_mut(&stream)?.permitted = outgoing.permitted;
            Ok((sent,))
        },
    )?;
    interface.func_wrap(
        "[method]outgoing-datagram-stream.subscribe",
        |mut context: Context, (stream,): (Resource<Outgoing>,)| {
            let table = &mut context.data_mut().table;
            let descriptor = table.get(&stream)?.stream.descriptor.clone();
            Ok((table.push(Pollable::Io(descriptor, PollFlags::OUT))?,))
        },
    )
}
