//! `wasi:sockets/tcp` and `tcp-create-socket`.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{self, RecvFlags, SendFlags, Shutdown, SocketFlags, SocketType, sockopt};
use wasmtime::Result;
use wasmtime::component::{ComponentType, Lift, Linker, Lower, Resource, ResourceType};

use crate::network::{Address, ErrorCode, Family, Network, ask};
use crate::poll::{Pollable, is_ready};
use crate::streams::{Fault, Input, Output};
use crate::{Context, Guest, dropped};

/// What a guest may write before it has been sent.
const ROOM: usize = 64 << 10;

/// How many connections wait to be accepted, where the guest does not say.
const BACKLOG: i32 = 128;

/// A socket.
#[derive(Debug)]
pub struct Tcp {
    pub descriptor: Arc<OwnedFd>,
    family: Family,
    state: Mutex<State>,
}

#[derive(Clone, Debug)]
enum State {
    Unbound,
    /// What came of it.
    Binding(Result<(), ErrorCode>),
    Bound,
    /// What is known already of how it ends.
    Connecting(Option<ErrorCode>),
    Connected(Arc<Connection>),
    ListenStarted,
    Listening,
    Closed,
}

/// The two streams of a socket that is connected.
#[derive(Debug)]
pub struct Connection {
    pub descriptor: Arc<OwnedFd>,
    sending: Mutex<Sending>,
    /// The number of the wait after which it was read empty.
    emptied: Mutex<Option<u64>>,
}

#[derive(Debug, Default)]
struct Sending {
    /// Written and not sent.
    rest: Vec<u8>,
    /// Whether nothing follows the rest.
    ends: bool,
    /// Whether nothing can be sent any more.
    closed: bool,
    /// Why, if nobody was told yet.
    failed: Option<Errno>,
}

impl Connection {
    fn new(descriptor: Arc<OwnedFd>) -> Arc<Connection> {
        Arc::new(Connection {
            descriptor,
            sending: Mutex::default(),
            emptied: Mutex::default(),
        })
    }

    /// Up to so many bytes, as many as there are. `turn` is the number of the last
    /// wait.
    ///
    /// Where it was read empty after that, there is nothing more, whatever has come
    /// meanwhile. A peer that answers at once would otherwise have a guest go on
    /// with it and look at nobody else for a long time. It is said once, for a guest
    /// that does not wait but tries again and again.
    pub fn receive(&self, bytes: &mut [u8], turn: u64) -> Result<usize, Errno> {
        let mut emptied = self.emptied.lock().expect("nothing that holds this panics");
        if emptied.take() == Some(turn) {
            return Err(Errno::AGAIN);
        }
        let (received, _) = net::recv(&*self.descriptor, &mut *bytes, RecvFlags::empty())?;
        *emptied = (1..bytes.len()).contains(&received).then_some(turn);
        Ok(received)
    }

    pub fn readable(&self) -> Pollable {
        Pollable::Io(self.descriptor.clone(), PollFlags::IN)
    }

    pub fn writable(&self) -> Pollable {
        match self.sending().closed {
            true => Pollable::Ready,
            false => Pollable::Io(self.descriptor.clone(), PollFlags::OUT),
        }
    }

    /// How much can be written.
    pub fn room(&self) -> Result<u64, Fault> {
        let mut sending = self.sending();
        self.send_rest(&mut sending);
        if let Some(error) = sending.failed.take() {
            return Err(error.into());
        }
        if sending.closed || sending.ends {
            return Err(Fault::Closed);
        }
        let can = sending.rest.is_empty() && is_ready(&*self.descriptor, PollFlags::OUT);
        Ok(if can { ROOM as u64 } else { 0 })
    }

    pub fn write(&self, bytes: Vec<u8>) -> Result<(), Fault> {
        let mut sending = self.sending();
        if sending.closed || sending.ends {
            return Err(Fault::Closed);
        }
        match sending.rest.is_empty() {
            true => sending.rest = bytes,
            false => sending.rest.extend(bytes),
        }
        self.send_rest(&mut sending);
        match sending.failed.take() {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }

    /// Whether something is left to be sent.
    pub fn has_rest(&self) -> bool {
        !self.sending().rest.is_empty()
    }

    /// Sends what is left, as far as it goes; whether something still is.
    pub fn send(&self) -> bool {
        let mut sending = self.sending();
        self.send_rest(&mut sending);
        !sending.rest.is_empty()
    }

    fn send_rest(&self, sending: &mut Sending) {
        let mut sent = 0;
        while sent < sending.rest.len() {
            match net::send(
                &*self.descriptor,
                &sending.rest[sent..],
                SendFlags::NOSIGNAL,
            ) {
                Ok(more) => sent += more,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(error) => {
                    sending.failed = Some(error);
                    sending.closed = true;
                    sending.rest.clear();
                    return;
                }
            }
        }
        sending.rest.drain(..sent);
        if sending.rest.is_empty() && sending.ends && !sending.closed {
            sending.closed = true;
            let _ = net::shutdown(&*self.descriptor, Shutdown::Write);
        }
    }

    /// Ends what is sent, after the rest.
    fn end(&self) {
        let mut sending = self.sending();
        sending.ends = true;
        self.send_rest(&mut sending);
    }

    fn sending(&self) -> MutexGuard<'_, Sending> {
        self.sending.lock().expect("nothing that holds this panics")
    }
}

impl Tcp {
    fn new(family: Family) -> Result<Tcp, ErrorCode> {
        let descriptor = net::socket_with(
            family.domain(),
            SocketType::STREAM,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            None,
        )?;
        if family == Family::V6 {
            sockopt::set_ipv6_v6only(&descriptor, true)?;
        }
        Ok(Tcp {
            descriptor: Arc::new(descriptor),
            family,
            state: Mutex::new(State::Unbound),
        })
    }

    /// What has to happen before the next step; nothing, where it can be made.
    pub fn waits_for(&self) -> Option<PollFlags> {
        match *self.state() {
            State::Connecting(None) => Some(PollFlags::OUT),
            State::Listening => Some(PollFlags::IN),
            _ => None,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing that holds this panics")
    }

    fn bind(&self, address: SocketAddr) -> Result<(), ErrorCode> {
        // A server that begins again has its address at once.
        sockopt::set_socket_reuseaddr(&*self.descriptor, true)?;
        net::bind(&*self.descriptor, &address).map_err(|error| match error {
            Errno::NOBUFS => ErrorCode::AddressInUse,
            error => error.into(),
        })
    }

    fn start_bind(&self, address: SocketAddr) -> Result<(), ErrorCode> {
        let mut state = self.state();
        if !matches!(*state, State::Unbound) {
            return Err(ErrorCode::InvalidState);
        }
        if !self.family.has(&address) || address.ip().is_multicast() {
            return Err(ErrorCode::InvalidArgument);
        }
        self.bind(address)?;
        *state = State::Binding(Ok(()));
        Ok(())
    }

    fn finish_bind(&self) -> Result<(), ErrorCode> {
        let mut state = self.state();
        let State::Binding(result) = *state else {
            return Err(ErrorCode::NotInProgress);
        };
        *state = match result {
            Ok(()) => State::Bound,
            Err(_) => State::Unbound,
        };
        result
    }

    fn start_connect(&self, address: SocketAddr) -> Result<(), ErrorCode> {
        let mut state = self.state();
        match *state {
            State::Unbound | State::Bound => {}
            State::Connecting(_) => return Err(ErrorCode::ConcurrencyConflict),
            _ => return Err(ErrorCode::InvalidState),
        }
        let ip = address.ip();
        if !self.family.has(&address)
            || ip.is_unspecified()
            || ip.is_multicast()
            || address.port() == 0
            || is_broadcast(ip)
        {
            return Err(ErrorCode::InvalidArgument);
        }
        *state = State::Connecting(match net::connect(&*self.descriptor, &address) {
            Ok(()) | Err(Errno::INPROGRESS) => None,
            Err(error) => Some(error.into()),
        });
        Ok(())
    }

    fn finish_connect(&self) -> Result<Arc<Connection>, ErrorCode> {
        let mut state = self.state();
        let State::Connecting(known) = *state else {
            return Err(ErrorCode::NotInProgress);
        };
        let failed = match known {
            Some(error) => Some(error),
            None if !is_ready(&*self.descriptor, PollFlags::OUT) => {
                return Err(ErrorCode::WouldBlock);
            }
            None => match sockopt::socket_error(&*self.descriptor)? {
                Ok(()) => None,
                Err(error) => Some(error.into()),
            },
        };
        if let Some(error) = failed {
            *state = State::Closed;
            return Err(error);
        }
        let connection = Connection::new(self.descriptor.clone());
        *state = State::Connected(connection.clone());
        Ok(connection)
    }

    fn start_listen(&self) -> Result<(), ErrorCode> {
        let mut state = self.state();
        match *state {
            State::Bound => {}
            State::ListenStarted => return Err(ErrorCode::ConcurrencyConflict),
            _ => return Err(ErrorCode::InvalidState),
        }
        net::listen(&*self.descriptor, BACKLOG)?;
        *state = State::ListenStarted;
        Ok(())
    }

    fn finish_listen(&self) -> Result<(), ErrorCode> {
        let mut state = self.state();
        if !matches!(*state, State::ListenStarted) {
            return Err(ErrorCode::NotInProgress);
        }
        *state = State::Listening;
        Ok(())
    }

    fn accept(&self) -> Result<(Tcp, Arc<Connection>), ErrorCode> {
        if !matches!(*self.state(), State::Listening) {
            return Err(ErrorCode::InvalidState);
        }
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let accepted = loop {
            match net::accept_with(&*self.descriptor, flags) {
                // It was gone before it was taken: there may be others.
                Err(Errno::INTR | Errno::CONNABORTED) => {}
                accepted => break accepted?,
            }
        };
        let descriptor = Arc::new(accepted);
        let connection = Connection::new(descriptor.clone());
        let socket = Tcp {
            descriptor,
            family: self.family,
            state: Mutex::new(State::Connected(connection.clone())),
        };
        Ok((socket, connection))
    }

    fn local_address(&self) -> Result<Address, ErrorCode> {
        if matches!(*self.state(), State::Unbound | State::Binding(_)) {
            return Err(ErrorCode::InvalidState);
        }
        address(net::getsockname(&*self.descriptor)?)
    }

    fn remote_address(&self) -> Result<Address, ErrorCode> {
        if !matches!(*self.state(), State::Connected(_)) {
            return Err(ErrorCode::InvalidState);
        }
        let peer = net::getpeername(&*self.descriptor)?;
        address(peer.ok_or(ErrorCode::InvalidState)?)
    }

    fn set_backlog(&self, value: u64) -> Result<(), ErrorCode> {
        if value == 0 {
            return Err(ErrorCode::InvalidArgument);
        }
        match *self.state() {
            State::Listening => {
                let value = i32::try_from(value).unwrap_or(i32::MAX);
                Ok(net::listen(&*self.descriptor, value)?)
            }
            State::Unbound | State::Binding(_) | State::Bound | State::ListenStarted => Ok(()),
            _ => Err(ErrorCode::InvalidState),
        }
    }

    fn shutdown(&self, how: How) -> Result<(), ErrorCode> {
        let State::Connected(connection) = &*self.state() else {
            return Err(ErrorCode::InvalidState);
        };
        if matches!(how, How::Send | How::Both) {
            connection.end();
        }
        if matches!(how, How::Receive | How::Both) {
            match net::shutdown(&*self.descriptor, Shutdown::Read) {
                Ok(()) | Err(Errno::NOTCONN) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// `wasi:sockets/tcp.shutdown-type`.
#[allow(dead_code, reason = "all that WASI has; guests make them")]
#[derive(Clone, Copy, Debug, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
enum How {
    #[component(name = "receive")]
    Receive,
    #[component(name = "send")]
    Send,
    #[component(name = "both")]
    Both,
}

/// Whether it is 255.255.255.255, to which nothing connects.
fn is_broadcast(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(address) if address.is_broadcast())
}

/// An address in WASI's form.
pub fn address(any: rustix::net::SocketAddrAny) -> Result<Address, ErrorCode> {
    let address = SocketAddr::try_from(any).map_err(|_| ErrorCode::Unknown)?;
    Ok(address.into())
}

/// How large a buffer is, for the guest: Linux keeps twice that.
pub fn size(size: usize) -> u64 {
    match cfg!(target_os = "linux") {
        true => size as u64 / 2,
        false => size as u64,
    }
}

/// How large one is to be.
pub fn wanted(value: u64) -> Result<usize, ErrorCode> {
    match value {
        0 => Err(ErrorCode::InvalidArgument),
        value => Ok(value.min(i32::MAX as u64 / 2) as usize),
    }
}

/// A duration for the system, which has seconds.
fn seconds(nanoseconds: u64) -> Result<Duration, ErrorCode> {
    if nanoseconds == 0 {
        return Err(ErrorCode::InvalidArgument);
    }
    let seconds = nanoseconds.div_ceil(1_000_000_000).clamp(1, 32_767);
    Ok(Duration::from_secs(seconds))
}

fn nanoseconds(duration: Duration) -> u64 {
    duration.as_nanos() as u64
}

fn limited<T>(value: T, zero: T, most: T) -> Result<T, ErrorCode>
where
    T: PartialOrd,
{
    match value == zero {
        true => Err(ErrorCode::InvalidArgument),
        false if value > most => Ok(most),
        false => Ok(value),
    }
}

type Socket = Arc<Tcp>;

fn of(context: &Context, socket: &Resource<Socket>) -> Result<Socket> {
    Ok(context.data().table.get(socket)?.clone())
}

/// Adds them to `linker`.
pub fn link(linker: &mut Linker<Guest>) -> Result<()> {
    linker
        .instance("wasi:sockets/tcp-create-socket@0.2.0")?
        .func_wrap(
            "create-tcp-socket",
            |mut context: Context, (family,): (Family,)| {
                Ok((match Tcp::new(family) {
                    Ok(socket) => Ok(context.data_mut().table.push(Arc::new(socket))?),
                    Err(error) => Err(error),
                },))
            },
        )?;
    let mut interface = linker.instance("wasi:sockets/tcp@0.2.0")?;
    interface.resource(
        "tcp-socket",
        ResourceType::host::<Socket>(),
        dropped::<Socket>,
    )?;
    macro_rules! method {
        ($name:literal, |$socket:ident $(, $argument:ident: $kind:ty)*| -> $answer:ty $body:block) => {
            interface.func_wrap(
                concat!("[method]tcp-socket.", $name),
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
        "[method]tcp-socket.start-bind",
        |context: Context, (socket, _, address): (Resource<Socket>, Resource<Network>, Address)| {
            let address = SocketAddr::from(address);
            let socket = of(&context, &socket)?;
            Ok((ask(context.data(), || {
                format!("the network (TCP: bind to {address})")
            })
            .and_then(|()| socket.start_bind(address)),))
        },
    )?;
    interface.func_wrap(
        "[method]tcp-socket.start-connect",
        |context: Context, (socket, _, address): (Resource<Socket>, Resource<Network>, Address)| {
            let address = SocketAddr::from(address);
            let socket = of(&context, &socket)?;
            Ok((ask(context.data(), || {
                format!("the network (TCP: connect to {address})")
            })
            .and_then(|()| socket.start_connect(address)),))
        },
    )?;
    interface.func_wrap(
        "[method]tcp-socket.finish-connect",
        |mut context: Context, (socket,): (Resource<Socket>,)| {
            let connection = of(&context, &socket)?.finish_connect();
            let table = &mut context.data_mut().table;
            Ok((match connection {
                Ok(connection) => Ok((
                    table.push(Input::Tcp(connection.clone()))?,
                    table.push(Output::Tcp(connection))?,
                )),
                Err(error) => Err(error),
            },))
        },
    )?;
    interface.func_wrap(
        "[method]tcp-socket.accept",
        |mut context: Context, (socket,): (Resource<Socket>,)| {
            let accepted = of(&context, &socket)?.accept();
            let table = &mut context.data_mut().table;
            Ok((match accepted {
                Ok((socket, connection)) => Ok((
                    table.push(Arc::new(socket))?,
                    table.push(Input::Tcp(connection.clone()))?,
                    table.push(Output::Tcp(connection))?,
                )),
                Err(error) => Err(error),
            },))
        },
    )?;
    interface.func_wrap(
        "[method]tcp-socket.subscribe",
        |mut context: Context, (socket,): (Resource<Socket>,)| {
            let socket = of(&context, &socket)?;
            Ok((context.data_mut().table.push(Pollable::Tcp(socket))?,))
        },
    )?;
    interface.func_wrap(
        "[method]tcp-socket.shutdown",
        |mut context: Context, (socket, how): (Resource<Socket>, How)| {
            let socket = of(&context, &socket)?;
            let answer = socket.shutdown(how);
            if let State::Connected(connection) = &*socket.state() {
                context.data_mut().waits.send_later(connection);
            }
            Ok((answer,))
        },
    )?;
    method!("finish-bind", |socket| -> Result<(), ErrorCode> {
        socket.finish_bind()
    });
    method!("start-listen", |socket| -> Result<(), ErrorCode> {
        socket.start_listen()
    });
    method!("finish-listen", |socket| -> Result<(), ErrorCode> {
        socket.finish_listen()
    });
    method!("local-address", |socket| -> Result<Address, ErrorCode> {
        socket.local_address()
    });
    method!("remote-address", |socket| -> Result<Address, ErrorCode> {
        socket.remote_address()
    });
    method!("is-listening", |socket| -> bool {
        matches!(*socket.state(), State::Listening)
    });
    method!("address-family", |socket| -> Family { socket.family });
    method!("set-listen-backlog-size", |socket,
                                        value: u64|
     -> Result<(), ErrorCode> {
        socket.set_backlog(value)
    });
    method!("keep-alive-enabled", |socket| -> Result<bool, ErrorCode> {
        Ok(sockopt::socket_keepalive(&*socket.descriptor)?)
    });
    method!("set-keep-alive-enabled", |socket,
                                       value: bool|
     -> Result<(), ErrorCode> {
        Ok(sockopt::set_socket_keepalive(&*socket.descriptor, value)?)
    });
    method!("keep-alive-idle-time", |socket| -> Result<u64, ErrorCode> {
        Ok(nanoseconds(sockopt::tcp_keepidle(&*socket.descriptor)?))
    });
    method!("set-keep-alive-idle-time", |socket,
                                         value: u64|
     -> Result<(), ErrorCode> {
        Ok(sockopt::set_tcp_keepidle(
            &*socket.descriptor,
            seconds(value)?,
        )?)
    });
    method!("keep-alive-interval", |socket| -> Result<u64, ErrorCode> {
        Ok(nanoseconds(sockopt::tcp_keepintvl(&*socket.descriptor)?))
    });
    method!("set-keep-alive-interval", |socket,
                                        value: u64|
     -> Result<(), ErrorCode> {
        Ok(sockopt::set_tcp_keepintvl(
            &*socket.descriptor,
            seconds(value)?,
        )?)
    });
    method!("keep-alive-count", |socket| -> Result<u32, ErrorCode> {
        Ok(sockopt::tcp_keepcnt(&*socket.descriptor)?)
    });
    method!("set-keep-alive-count", |socket,
                                     value: u32|
     -> Result<(), ErrorCode> {
        Ok(sockopt::set_tcp_keepcnt(
            &*socket.descriptor,
            limited(value, 0, 127)?,
        )?)
    });
    method!("hop-limit", |socket| -> Result<u8, ErrorCode> {
        Ok(match socket.family {
            Family::V4 => sockopt::ip_ttl(&*socket.descriptor)? as u8,
            Family::V6 => sockopt::ipv6_unicast_hops(&*socket.descriptor)?,
        })
    });
    method!("set-hop-limit", |socket,
                              value: u8|
     -> Result<(), ErrorCode> {
        let value = limited(value, 0, u8::MAX)?;
        match socket.family {
            Family::V4 => sockopt::set_ip_ttl(&*socket.descriptor, value.into())?,
            Family::V6 => sockopt::set_ipv6_unicast_hops(&*socket.descriptor, Some(value))?,
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
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::thread::sleep;

    use super::*;

    fn connected() -> (Arc<Connection>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        accepted.set_nonblocking(true).unwrap();
        peer.set_nodelay(true).unwrap();
        (Connection::new(Arc::new(accepted.into())), peer)
    }

    /// What is there by the time that this gives back.
    fn send(peer: &mut TcpStream, bytes: &[u8], connection: &Connection) {
        peer.write_all(bytes).unwrap();
        while !is_ready(&*connection.descriptor, PollFlags::IN) {
            sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn a_peer_that_answers_at_once_has_its_turn_after_the_next_wait() {
        let (connection, mut peer) = connected();
        let mut bytes = [0; 4];
        send(&mut peer, b"one", &connection);
        assert_eq!(connection.receive(&mut bytes, 1), Ok(3));
        send(&mut peer, b"two", &connection);
        assert_eq!(connection.receive(&mut bytes, 1), Err(Errno::AGAIN));
        assert_eq!(connection.receive(&mut bytes, 2), Ok(3));
        // Who waits for nothing gets it at the second attempt.
        send(&mut peer, b"six", &connection);
        assert_eq!(connection.receive(&mut bytes, 2), Err(Errno::AGAIN));
        assert_eq!(connection.receive(&mut bytes, 2), Ok(3));
        // What was cut off by the buffer's length was not the end.
        send(&mut peer, b"twelve", &connection);
        assert_eq!(connection.receive(&mut bytes, 3), Ok(4));
        assert_eq!(connection.receive(&mut bytes, 3), Ok(2));
        drop(peer);
        assert_eq!(connection.receive(&mut bytes, 3), Err(Errno::AGAIN));
        while !is_ready(&*connection.descriptor, PollFlags::IN) {
            sleep(Duration::from_millis(1));
        }
        assert_eq!(connection.receive(&mut bytes, 4), Ok(0));
    }
}
