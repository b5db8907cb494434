//! Blocks its only thread within Tokio, as code does that knows of no runtime:
//! it sleeps, and exchanges bytes over the standard library's sockets.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let timer = tokio::spawn(tokio::time::sleep(Duration::from_millis(10)));
    for _ in 0..2 {
        thread::sleep(Duration::from_millis(20));
    }
    println!("slept");

    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut client = TcpStream::connect(listener.local_addr()?)?;
    let (mut server, _) = listener.accept()?;
    client.write_all(b"over blocking sockets")?;
    let mut said = [0; 21];
    server.read_exact(&mut said)?;
    println!("{}", String::from_utf8_lossy(&said));

    timer.await?;
    println!("the timer is over");
    Ok(())
}
