//! Does what cannot be done, and prints the error's kind.
//!
//! Usage: refused names | network | pollable | twice | shared | closed | deadlock

use std::error::Error;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::unix::AsyncFd;
use tokio::io::wasi::AsyncPollable;
use tokio::net::{TcpListener, TcpStream, UdpSocket, lookup_host};
use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::io::poll::Pollable;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let what = std::env::args().nth(1).unwrap_or_default();
    let said = match what.as_str() {
        "names" => lookup_host("localhost:80").await.map(drop),
        "network" => {
            show("udp", UdpSocket::bind("127.0.0.1:0").await.map(drop));
            show("listen", TcpListener::bind("127.0.0.1:0").await.map(drop));
            TcpStream::connect("127.0.0.1:1").await.map(drop)
        }
        "pollable" => AsyncPollable::new(subscribe_duration(0), Pollable::handle).map(drop),
        "twice" => {
            let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
            // SAFETY: the listener outlives both.
            let _first = unsafe { AsyncFd::register(listener.as_raw_fd()) }?;
            // SAFETY: as above.
            unsafe { AsyncFd::register(listener.as_raw_fd()) }
                .map(drop)
                .map_err(io::Error::from)
        }
        // A pollable that is waited for twice is legal.
        "shared" => {
            let timer = Arc::new(subscribe_duration(1_000_000));
            let [one, other] = [timer.clone(), timer]
                .map(|timer| AsyncPollable::new(timer, |timer| timer.handle()));
            let (one, other) = (one?, other?);
            let ready = tokio::try_join!(one.ready(), other.ready())?;
            drop(ready);
            drop(one);
            other.ready().await.map(drop)
        }
        // What is closed while it is registered never becomes ready, and is in
        // no one's way.
        "closed" => {
            let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
            // SAFETY: nothing is done with the descriptor after it is closed.
            let closed = unsafe { AsyncFd::register(listener.as_raw_fd()) }?;
            drop(listener);
            let waiting = tokio::time::timeout(Duration::from_millis(20), closed.readable());
            show("waits", waiting.await.map(drop).map_err(io::Error::from));
            drop(closed);
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?;
            tokio::try_join!(TcpStream::connect(address), listener.accept()).map(drop)
        }
        "deadlock" => {
            std::future::pending::<()>().await;
            Ok(())
        }
        _ => return Err("usage: refused WHAT".into()),
    };
    show(&what, said);
    Ok(())
}

fn show(what: &str, said: io::Result<()>) {
    match said {
        Ok(()) => println!("{what}: done"),
        Err(error) => println!("{what}: {:?}: {error}", error.kind()),
    }
}
