//! TCP and UDP between tasks of one program, and every answer checked.

use std::error::Error;
use std::io::ErrorKind;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};
use tokio::time::timeout;

/// How many clients connect at once.
const CLIENTS: usize = 8;
/// How much each of them sends: more than any buffer on the way holds.
const LENGTH: usize = 1 << 20;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tcp_echo().await?;
    println!("tcp echo: {CLIENTS} clients, {LENGTH} bytes each");
    udp_echo().await?;
    println!("udp echo: 16 datagrams each way");
    debug_while_connecting().await?;
    println!("debug of a connecting stream");
    refused().await?;
    println!("refused connection");
    by_name().await?;
    println!("connect by name");
    vectored().await?;
    println!("vectored write");
    Ok(())
}

async fn tcp_echo() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(async move {
        let mut connections = Vec::new();
        for _ in 0..CLIENTS {
            let (mut stream, peer) = listener.accept().await?;
            assert!(peer.ip().is_loopback());
            assert_eq!(stream.peer_addr()?, peer);
            connections.push(tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                tokio::io::copy(&mut read, &mut write).await
            }));
        }
        let mut copied = 0;
        for connection in connections {
            copied += connection.await.expect("the task ends")?;
        }
        Ok::<_, std::io::Error>(copied)
    });
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            tokio::spawn(async move {
                let stream = TcpStream::connect(address).await?;
                let (mut read, mut write) = stream.into_split();
                let sent: Vec<u8> = (0..LENGTH).map(|at| (at * 31 + number) as u8).collect();
                let expected = sent.clone();
                let writer = tokio::spawn(async move {
                    write.write_all(&sent).await?;
                    write.shutdown().await
                });
                let mut received = Vec::new();
                read.read_to_end(&mut received).await?;
                writer.await.expect("the task ends")?;
                assert!(received == expected, "client {number} got other bytes back");
                Ok::<_, std::io::Error>(())
            })
        })
        .collect();
    for client in clients {
        client.await??;
    }
    assert_eq!(server.await??, (CLIENTS * LENGTH) as u64);
    Ok(())
}

async fn udp_echo() -> Result<(), Box<dyn Error>> {
    let server = UdpSocket::bind("127.0.0.1:0").await?;
    let address = server.local_addr()?;
    let echo = tokio::spawn(async move {
        let mut buffer = [0; 1024];
        for _ in 0..16 {
            let (length, peer) = server.recv_from(&mut buffer).await?;
            server.send_to(&buffer[..length], peer).await?;
        }
        Ok::<_, std::io::Error>(())
    });
    let client = UdpSocket::bind("127.0.0.1:0").await?;
    client.connect(address).await?;
    let mut buffer = [0; 1024];
    for number in 0..16u8 {
        let datagram = vec![number; 10 + usize::from(number) * 50];
        client.send(&datagram).await?;
        let length = timeout(Duration::from_secs(5), client.recv(&mut buffer)).await??;
        assert_eq!(&buffer[..length], datagram);
    }
    echo.await??;
    Ok(())
}

async fn debug_while_connecting() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let socket = TcpSocket::new_v4()?;
    assert!(!format!("{socket:?}").is_empty());
    // tokio gives a stream out once it is connected, mio at once.
    let connecting = mio::net::TcpStream::connect(address)?;
    assert!(format!("{connecting:?}").contains("TcpStream"));
    let (stream, accepted) = tokio::join!(socket.connect(address), async {
        listener.accept().await?;
        listener.accept().await
    });
    for stream in [&stream?, &accepted?.0] {
        let shown = format!("{stream:?}");
        assert!(shown.contains("127.0.0.1"), "{shown}");
    }
    assert!(format!("{listener:?}").contains("TcpListener"));
    Ok(())
}

async fn refused() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    drop(listener);
    let error = TcpStream::connect(address).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    Ok(())
}

async fn by_name() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let addresses: Vec<_> = tokio::net::lookup_host(("localhost", port))
        .await?
        .collect();
    assert!(addresses.iter().all(|address| address.ip().is_loopback()));
    let (connected, accepted) =
        tokio::join!(TcpStream::connect(("localhost", port)), listener.accept());
    assert_eq!(connected?.local_addr()?, accepted?.1);
    let error = tokio::net::lookup_host("no-such-host.invalid:80").await;
    assert!(error.is_err());
    Ok(())
}

async fn vectored() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (client, server) = tokio::join!(TcpStream::connect(address), listener.accept());
    let (mut client, (mut server, _)) = (client?, server?);
    let slices = [b"one ".as_slice(), b"two ", b"three"].map(std::io::IoSlice::new);
    let sent = client.write_vectored(&slices).await?;
    let mut received = vec![0; sent];
    server.read_exact(&mut received).await?;
    assert_eq!(received, &b"one two three"[..sent]);
    // Either all slices go out at once, or the stream must not say that they
    // would: hyper relies on it.
    if client.is_write_vectored() {
        assert_eq!(sent, 13, "only a part of the slices was sent");
    }
    Ok(())
}
