//! Opens sockets until the host has no more, and goes on with those it has.

use std::error::Error;
use std::io::ErrorKind;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (mut client, (mut server, _)) =
        tokio::try_join!(TcpStream::connect(address), listener.accept())?;

    let mut sockets = Vec::new();
    let error = loop {
        match UdpSocket::bind("127.0.0.1:0").await {
            Ok(socket) => sockets.push(socket),
            Err(error) => break error,
        }
    };
    println!(
        "more than {} sockets: {error}",
        if sockets.len() > 10 { 10 } else { 0 }
    );
    for kind in ["connect", "listen"] {
        let error = match kind {
            "connect" => TcpStream::connect(address).await.map(drop),
            _ => TcpListener::bind("127.0.0.1:0").await.map(drop),
        };
        println!("{kind}: {}", error.err().ok_or("there was one more")?);
    }

    client.write_all(b"still there").await?;
    let mut heard = [0; 11];
    server.read_exact(&mut heard).await?;
    println!("{}", String::from_utf8_lossy(&heard));

    sockets.clear();
    match UdpSocket::bind("127.0.0.1:0").await {
        Ok(_) => println!("one more"),
        Err(error) if error.kind() == ErrorKind::Other => println!("none"),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
