//! Sends every datagram back. Prints its address first.
//!
//! A datagram that begins with `q` ends the program.

use tokio::net::UdpSocket;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    println!("{}", socket.local_addr()?);
    let mut buffer = [0; 4096];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).await?;
        if buffer[0] == b'q' {
            return Ok(());
        }
        socket.send_to(&buffer[..length], from).await?;
    }
}
