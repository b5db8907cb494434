//! `tcp-echo` on wstd.

use wstd::io::{AsyncRead, AsyncWrite};
use wstd::iter::AsyncIterator;
use wstd::net::{TcpListener, TcpStream};

#[wstd::main]
async fn main() -> wstd::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let mut incoming = listener.incoming();
    while let Some(stream) = incoming.next().await {
        wstd::runtime::spawn(echo(stream?)).detach();
    }
    Ok(())
}

async fn echo(mut stream: TcpStream) -> wstd::io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        if buffer[0] == b'q' {
            std::process::exit(0);
        }
        stream.write_all(&buffer[..length]).await?;
    }
}
