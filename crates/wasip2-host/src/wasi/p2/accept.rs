//! Connections that a guest accepts, and who is at their other end.
//!
//! wasi-libc asks for that by a call of its own, within `accept(2)`, and ends
//! the program if there is no answer. The system has none once the connection is
//! reset, so that any client could end a server. A connection that is reset
//! before it is accepted is dropped here, as some systems do by themselves, and
//! of one that is reset later the address is known.

use std::collections::HashMap;

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::p2::SocketError;
use wasmtime_wasi::p2::bindings::sockets::network::{
    self, ErrorCode, IpAddressFamily, IpSocketAddress,
};
use wasmtime_wasi::p2::bindings::sockets::tcp::{
    HostTcpSocket, InputStream, OutputStream, TcpSocket,
};
use wasmtime_wasi::p2::bindings::sockets::tcp_create_socket;
use wasmtime_wasi::sockets::{WasiSocketsCtxView, WasiSocketsView};

use super::guest::Guest;

/// By the names that wasmtime-wasi links them.
const TCP: &str = "wasi:sockets/tcp@0.2.12";
const CREATE: &str = "wasi:sockets/tcp-create-socket@0.2.12";

/// Who is at the other end of the sockets that were accepted, by their number.
pub type Peers = HashMap<u32, IpSocketAddress>;

type Socket = Resource<TcpSocket>;
type Accepted = (Socket, Resource<InputStream>, Resource<OutputStream>);

/// Stands in for the calls that accept, and that tell who is there, in `linker`.
pub fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let mut tcp = linker.instance(TCP)?;
    tcp.func_wrap(
        "[method]tcp-socket.accept",
        |mut store: StoreContextMut<Guest>, (listener,): (Socket,)| {
            Ok((accept(store.data_mut(), listener.rep())?,))
        },
    )?;
    tcp.func_wrap(
        "[method]tcp-socket.remote-address",
        |mut store: StoreContextMut<Guest>, (socket,): (Socket,)| {
            let guest = store.data_mut();
            let number = socket.rep();
            let mut sockets = guest.sockets();
            let address = sockets.remote_address(socket);
            let address = coded(&mut sockets, address)?;
            let known = guest.peers.get(&number).copied();
            Ok((match (address, known) {
                (Err(_), Some(known)) => Ok(known),
                (address, _) => address,
            },))
        },
    )?;
    linker.instance(CREATE)?.func_wrap(
        "create-tcp-socket",
        |mut store: StoreContextMut<Guest>, (family,): (IpAddressFamily,)| {
            let guest = store.data_mut();
            let mut sockets = guest.sockets();
            let socket = tcp_create_socket::Host::create_tcp_socket(&mut sockets, family);
            let socket = coded(&mut sockets, socket)?;
            if let Ok(socket) = &socket {
                // Its number may have been that of one that was accepted.
                guest.peers.remove(&socket.rep());
            }
            Ok((socket,))
        },
    )
}

/// The next connection that is still there.
fn accept(guest: &mut Guest, listener: u32) -> wasmtime::Result<Result<Accepted, ErrorCode>> {
    loop {
        let mut sockets = guest.sockets();
        let accepted = sockets.accept(Resource::new_borrow(listener));
        let (socket, input, output) = match coded(&mut sockets, accepted)? {
            Ok(accepted) => accepted,
            Err(error) => return Ok(Err(error)),
        };
        let number = socket.rep();
        if let Ok(peer) = sockets.remote_address(Resource::new_borrow(number)) {
            guest.peers.insert(number, peer);
            return Ok(Ok((socket, input, output)));
        }
        // The children before their parent.
        sockets.table.delete(input)?;
        sockets.table.delete(output)?;
        HostTcpSocket::drop(&mut sockets, socket)?;
    }
}

/// A result with its error as a guest gets it.
fn coded<T>(
    sockets: &mut WasiSocketsCtxView<'_>,
    result: Result<T, SocketError>,
) -> wasmtime::Result<Result<T, ErrorCode>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(error) => Ok(Err(network::Host::convert_error_code(sockets, error)?)),
    }
}
