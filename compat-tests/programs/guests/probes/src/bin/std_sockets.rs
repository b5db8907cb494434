//! Sockets of the standard library, which block, in a program that has a runtime:
//! what they give is printed, and is the same everywhere.

use std::io::{ErrorKind, Read, Result, Write};
use std::net::{Shutdown, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant};

#[tokio::main]
async fn main() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let mut client = TcpStream::connect(address)?;
    let (mut server, peer) = listener.accept()?;
    println!("peer: {}", peer == client.local_addr()?);

    client.write_all(b"hello")?;
    let mut buffer = [0; 1 << 16];
    println!("peeked: {}", server.peek(&mut buffer)?);
    let n = server.read(&mut buffer)?;
    println!("read: {:?}", std::str::from_utf8(&buffer[..n]));

    server.set_read_timeout(Some(Duration::from_millis(30)))?;
    let start = Instant::now();
    let waited = server.read(&mut buffer).unwrap_err();
    println!(
        "silence: {:?}, {}",
        waited.kind(),
        start.elapsed() >= Duration::from_millis(29)
    );
    server.set_read_timeout(None)?;

    client.set_nonblocking(true)?;
    let (mut sent, mut received) = (0, 0);
    let full = loop {
        match client.write(&buffer) {
            Ok(n) => sent += n,
            Err(err) => break err.kind(),
        }
    };
    println!("full: {full:?}");
    while received < sent {
        received += server.read(&mut buffer)?;
    }
    println!("all of it: {}", received == sent);

    client.shutdown(Shutdown::Write)?;
    println!("end: {}", server.read(&mut buffer)?);
    let late = client.write(b"late").unwrap_err();
    println!("after shutdown: {:?}", late.kind());
    server.write_all(b"bye")?;
    drop(server);
    client.set_nonblocking(false)?;
    let mut rest = String::new();
    client.read_to_string(&mut rest)?;
    println!("rest: {rest}");

    drop(listener);
    let refused = TcpStream::connect(address).unwrap_err();
    println!("refused: {:?}", refused.kind());

    let (one, other) = (
        UdpSocket::bind("127.0.0.1:0")?,
        UdpSocket::bind("127.0.0.1:0")?,
    );
    one.send_to(b"datagram", other.local_addr()?)?;
    let (n, from) = other.recv_from(&mut buffer)?;
    println!("datagram: {n} {}", from == one.local_addr()?);
    other.set_nonblocking(true)?;
    let none = other.recv_from(&mut buffer).unwrap_err();
    println!("no other: {:?}", none.kind());

    let found = "localhost:80".to_socket_addrs()?;
    println!(
        "names: {}",
        found.into_iter().any(|found| found.ip().is_loopback())
    );
    let unknown = "does-not-exist.invalid:80".to_socket_addrs();
    println!(
        "unknown: {}",
        unknown.is_err_and(|err| err.kind() != ErrorKind::Unsupported)
    );
    Ok(())
}
