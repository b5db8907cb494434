//! `udp-echo` as a loop on the bindings.

use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::network::{IpAddressFamily, IpSocketAddress, Ipv4SocketAddress};
use wasip2::sockets::udp::OutgoingDatagram;
use wasip2::sockets::udp_create_socket::create_udp_socket;

/// As many as `send` takes at once.
const MOST: u64 = 16;

fn main() {
    let socket = create_udp_socket(IpAddressFamily::Ipv4).expect("a socket");
    let network = instance_network();
    let address = IpSocketAddress::Ipv4(Ipv4SocketAddress {
        port: 0,
        address: (127, 0, 0, 1),
    });
    let bound = socket.subscribe();
    socket.start_bind(&network, address).expect("start-bind");
    bound.block();
    socket.finish_bind().expect("finish-bind");
    match socket.local_address().expect("local-address") {
        IpSocketAddress::Ipv4(local) => println!("127.0.0.1:{}", local.port),
        IpSocketAddress::Ipv6(_) => unreachable!("it was bound to an IPv4 address"),
    }
    let (incoming, outgoing) = socket.stream(None).expect("stream");
    let (readable, writable) = (incoming.subscribe(), outgoing.subscribe());
    loop {
        let datagrams = incoming.receive(MOST).expect("receive");
        if datagrams.is_empty() {
            readable.block();
            continue;
        }
        if datagrams
            .iter()
            .any(|datagram| datagram.data.first() == Some(&b'q'))
        {
            return;
        }
        let mut answers: Vec<OutgoingDatagram> = datagrams
            .into_iter()
            .map(|datagram| OutgoingDatagram {
                data: datagram.data,
                remote_address: Some(datagram.remote_address),
            })
            .collect();
        while !answers.is_empty() {
            let room = outgoing.check_send().expect("check-send") as usize;
            if room == 0 {
                writable.block();
                continue;
            }
            let sent = outgoing
                .send(&answers[..room.min(answers.len())])
                .expect("send");
            answers.drain(..sent as usize);
        }
    }
}
