//! Computes for a while, waits for an echo, and does so again and again.
//!
//! Usage: bursts ADDRESS TIMES

use std::hint::black_box;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long it computes: a host may take it for a guest that never waits.
const BURST: Duration = Duration::from_millis(30);

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let mut words = std::env::args().skip(1);
    let address = words.next().expect("an address");
    let times: u32 = words.next().expect("a number").parse().expect("a number");
    let mut stream = TcpStream::connect(address).await?;
    for _ in 0..times {
        let until = Instant::now() + BURST;
        while Instant::now() < until {
            black_box((0..1000).sum::<u32>());
        }
        stream.write_all(b"x").await?;
        stream.read_exact(&mut [0]).await?;
    }
    println!("{times} echoes");
    Ok(())
}
