//! The network, which a guest asks for at each use of an address.

use std::net::SocketAddr;

use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::sockets::SocketAddrUse;

use super::denial::{Denials, Right};

/// Asks for the network at each use of an address.
///
/// Sockets themselves can be made without the right: an address is what makes
/// a denial worth reading.
pub fn guard(context: &mut WasiCtxBuilder, allowed: bool, denials: &Denials) {
    context.allow_tcp(true).allow_udp(true);
    if allowed {
        context.inherit_network();
        return;
    }
    let denials = denials.clone();
    context.socket_addr_check(move |address, purpose| {
        denials.note(Right::Network, || attempt(address, purpose));
        Box::pin(async { false })
    });
}

/// What a guest wanted to do with an address.
fn attempt(address: SocketAddr, purpose: SocketAddrUse) -> String {
    let (protocol, verb) = match purpose {
        // Before it connects, a TCP socket asks for the address that it will
        // be given: all that is known then is that it is TCP.
        SocketAddrUse::TcpBind if address.port() == 0 && address.ip().is_unspecified() => {
            return "the network (a TCP socket)".to_owned();
        }
        SocketAddrUse::TcpBind => ("TCP", "bind to"),
        SocketAddrUse::TcpListen => ("TCP", "listen on"),
        SocketAddrUse::TcpAccept => ("TCP", "accept from"),
        SocketAddrUse::TcpConnect => ("TCP", "connect to"),
        SocketAddrUse::UdpBind => ("UDP", "bind to"),
        SocketAddrUse::UdpSend => ("UDP", "send to"),
        SocketAddrUse::UdpReceive => ("UDP", "receive from"),
    };
    format!("the network ({protocol}: {verb} {address})")
}
