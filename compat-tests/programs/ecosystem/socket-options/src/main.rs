//! socket2's sockets and the options that WASI has.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, TcpKeepalive, Type};

fn main() -> std::io::Result<()> {
    let any: SockAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into();
    let listener = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    listener.set_reuse_address(true)?;
    listener.bind(&any)?;
    listener.listen(16)?;
    let address = listener.local_addr()?;

    let mut client = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    client.set_keepalive(true)?;
    let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(77));
    client.set_tcp_keepalive(&keepalive)?;
    checks::that("keepalive", client.keepalive()?);
    client.set_recv_buffer_size(1 << 16)?;
    checks::that("the buffer's size", client.recv_buffer_size()? >= 1 << 16);
    checks::that(
        "it can be shown while not connected",
        !format!("{client:?}").is_empty(),
    );
    client.connect(&address)?;
    let (mut served, peer) = listener.accept()?;
    checks::equal(
        "the peer",
        peer.as_socket(),
        client.local_addr()?.as_socket(),
    );
    client.write_all(b"hello")?;
    client.shutdown(std::net::Shutdown::Write)?;
    let mut received = String::new();
    served.read_to_string(&mut received)?;
    checks::equal("what was sent", received, "hello");

    listener.set_nonblocking(true)?;
    let error = listener.accept().unwrap_err();
    checks::equal(
        "nobody connects",
        error.kind(),
        std::io::ErrorKind::WouldBlock,
    );

    let datagrams = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    datagrams.bind(&any)?;
    let other = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    other.bind(&any)?;
    other.send_to(b"datagram", &datagrams.local_addr()?)?;
    let mut buffer = [std::mem::MaybeUninit::uninit(); 20];
    let (length, from) = datagrams.recv_from(&mut buffer)?;
    checks::equal("a datagram", length, 8);
    checks::equal(
        "its sender",
        from.as_socket(),
        other.local_addr()?.as_socket(),
    );
    SockRef::from(&datagrams).set_send_buffer_size(1 << 16)?;

    let six = Socket::new(Domain::IPV6, Type::STREAM, None)?;
    six.bind(&"[::1]:0".parse::<SocketAddr>().unwrap().into())?;
    checks::that("IPv6", six.local_addr()?.is_ipv6());
    checks::finish();
    Ok(())
}
