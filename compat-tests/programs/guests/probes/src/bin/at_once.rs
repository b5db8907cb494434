//! Waits at once for everything that Tokio waits for, but files, and says so
//! through its standard output.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket, lookup_host};
use tokio::time::sleep;

#[tokio::main]
async fn main() -> io::Result<()> {
    let all = tokio::try_join!(tcp(), udp(), names(), timer(), input());
    let mut stdout = tokio::io::stdout();
    stdout.write_all(format!("{all:?}\n").as_bytes()).await?;
    stdout.flush().await
}

async fn tcp() -> io::Result<usize> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (client, server) = tokio::join!(TcpStream::connect(address), listener.accept());
    let (mut client, (mut server, _)) = (client?, server?);
    // More than fits between them.
    let sent = vec![7; 4 << 20];
    let mut received = Vec::new();
    let send = async {
        client.write_all(&sent).await?;
        client.shutdown().await
    };
    tokio::try_join!(send, server.read_to_end(&mut received))?;
    Ok(received.len())
}

async fn udp() -> io::Result<usize> {
    let one = UdpSocket::bind("127.0.0.1:0").await?;
    let other = UdpSocket::bind("127.0.0.1:0").await?;
    let mut said = [0; 8];
    let late = async {
        sleep(Duration::from_millis(20)).await;
        other.send_to(b"said", one.local_addr()?).await
    };
    let (_, (length, _)) = tokio::try_join!(late, one.recv_from(&mut said))?;
    Ok(length)
}

async fn names() -> io::Result<bool> {
    Ok(lookup_host("localhost:80").await?.next().is_some())
}

async fn timer() -> io::Result<()> {
    sleep(Duration::from_millis(50)).await;
    Ok(())
}

async fn input() -> io::Result<usize> {
    let mut read = Vec::new();
    tokio::io::stdin().read_to_end(&mut read).await
}
