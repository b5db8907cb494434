//! `tcp-echo` as a loop on the bindings: the least that any runtime could do
//! with one list of pollables.

use wasip2::io::poll::{Pollable, poll};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::network::{IpAddressFamily, IpSocketAddress, Ipv4SocketAddress};
use wasip2::sockets::tcp::TcpSocket;
use wasip2::sockets::tcp_create_socket::create_tcp_socket;

/// A connection. The order of the fields is the one that they must be dropped
/// in: a child before its parent.
struct Connection {
    readable: Pollable,
    input: InputStream,
    output: OutputStream,
    _socket: TcpSocket,
}

fn main() {
    let listener = create_tcp_socket(IpAddressFamily::Ipv4).expect("a socket");
    let network = instance_network();
    let address = IpSocketAddress::Ipv4(Ipv4SocketAddress {
        port: 0,
        address: (127, 0, 0, 1),
    });
    let acceptable = listener.subscribe();
    listener.start_bind(&network, address).expect("start-bind");
    acceptable.block();
    listener.finish_bind().expect("finish-bind");
    listener.start_listen().expect("start-listen");
    acceptable.block();
    listener.finish_listen().expect("finish-listen");
    match listener.local_address().expect("local-address") {
        IpSocketAddress::Ipv4(local) => println!("127.0.0.1:{}", local.port),
        IpSocketAddress::Ipv6(_) => unreachable!("it was bound to an IPv4 address"),
    }

    let mut connections: Vec<Connection> = Vec::new();
    loop {
        let mut ready = {
            let mut list: Vec<&Pollable> = Vec::with_capacity(1 + connections.len());
            list.push(&acceptable);
            list.extend(connections.iter().map(|connection| &connection.readable));
            poll(&list)
        };
        // From the last to the first, so that a removal moves none that is
        // still to come. The host gives them in no order.
        ready.sort_unstable();
        for index in ready.into_iter().rev() {
            if index > 0 {
                let index = index as usize - 1;
                if !echo(&connections[index]) {
                    connections.swap_remove(index);
                }
                continue;
            }
            while let Ok((socket, input, output)) = listener.accept() {
                connections.push(Connection {
                    readable: input.subscribe(),
                    input,
                    output,
                    _socket: socket,
                });
            }
        }
    }
}

/// Sends back what is there; gives back whether the connection is still open.
fn echo(connection: &Connection) -> bool {
    loop {
        match connection.input.read(4096) {
            Ok(bytes) if bytes.first() == Some(&b'q') => std::process::exit(0),
            // Only now does the host know that it has to wait: a poll before
            // would say ready once more.
            Ok(bytes) if bytes.is_empty() => return true,
            Ok(bytes) if send(&connection.output, &bytes).is_ok() => {}
            Ok(_) | Err(_) => return false,
        }
    }
}

/// Writes all of `bytes`, which are few: the host has room for them as soon as
/// it is done with those before.
fn send(output: &OutputStream, bytes: &[u8]) -> Result<(), StreamError> {
    while output.check_write()? < bytes.len() as u64 {
        output.subscribe().block();
    }
    output.write(bytes)
}
