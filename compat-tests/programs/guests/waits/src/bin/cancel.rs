//! Starts things and gives them up at a random moment: by dropping the future
//! after some polls, by `timeout`, by `select!` and by `abort`.
//!
//! What it has read by then has to be what was sent, and what is read after it
//! the rest.
//!
//! Usage: cancel COUNT SEED AT_ONCE [URL]
//!
//! AT_ONCE of them are under way at a time. With the URL of a server that has
//! `/echo`, HTTP requests are among them.

use std::convert::Infallible;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt};
use reqwest::{Body, Client, ClientBuilder};
use tokio::io::wasi::AsyncPollable;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket, lookup_host};
use tokio::sync::Mutex;
use tokio::{task, time};
use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::io::poll::Pollable;

type Operation = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// A xorshift generator: the same operations for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [count, seed, at_once, url @ ..] = words.as_slice() else {
        return Err("usage: cancel COUNT SEED AT_ONCE [URL]".into());
    };
    let (count, seed): (u64, u64) = (count.parse()?, seed.parse()?);
    let at_once: u64 = at_once.parse()?;

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });

    let stream = TcpStream::connect(address).await?;
    let kept = Kept {
        stream,
        sent: 0,
        received: 0,
    };
    let world = World {
        address,
        kept: Arc::new(Mutex::new(kept)),
        clients: match url {
            [] => Vec::new(),
            _ => vec![Client::new(), ClientBuilder::with_sockets().build()?],
        },
        url: url.first().map(|url| format!("{url}/echo")),
    };
    let (mut ended, mut cancelled, mut warm) = (0, 0, 0);
    let parts = (0..at_once).map(|part| {
        let share = count / at_once + u64::from(part < count % at_once);
        world.give_up_many(share, Random(seed.wrapping_add(part << 32) | 1))
    });
    for part in try_join_all(parts).await? {
        ended += part.ended;
        cancelled += part.cancelled;
        warm = warm.max(part.warm);
    }

    world.kept.lock().await.rest().await?;
    drop(world);

    // What was left half-way must not have broken anything.
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"still there").await?;
    let mut answer = [0; 11];
    stream.read_exact(&mut answer).await?;
    assert_eq!(&answer, b"still there");
    drop(stream);

    server.abort();
    let _ = server.await;
    // The echoes of connections that were given up.
    time::sleep(Duration::from_millis(50)).await;
    eprintln!("{ended} ended, {cancelled} were cancelled");
    println!("\nmemory grew by {} pages", memory() - warm);
    println!("{count} done");
    Ok(())
}

/// What operations share.
struct World {
    /// Of a server that sends back what it gets.
    address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
    /// Over wasi:http, where there is one, and over sockets.
    clients: Vec<Client>,
    /// Where requests go.
    url: Option<String>,
}

/// What became of some operations.
#[derive(Default)]
struct Part {
    ended: u64,
    cancelled: u64,
    /// The size of the memory when a quarter of them was done.
    warm: usize,
}

impl World {
    /// Gives up so many operations, one after the other.
    async fn give_up_many(&self, count: u64, mut random: Random) -> io::Result<Part> {
        let kinds = if self.url.is_some() { 12 } else { 10 };
        let mut part = Part::default();
        for number in 0..count {
            if number == count / 4 {
                part.warm = memory();
            }
            let operation = operation(random.below(kinds), self, &mut random);
            match give_up(operation, &mut random).await {
                Some(result) => {
                    result?;
                    part.ended += 1;
                }
                None => part.cancelled += 1,
            }
        }
        Ok(part)
    }
}

/// A connection that goes on whatever is given up.
struct Kept {
    stream: TcpStream,
    sent: u64,
    received: u64,
}

impl Kept {
    async fn some(&mut self) -> io::Result<()> {
        for _ in 0..3 {
            if self.sent < self.received + 10_000 {
                let piece = pattern(self.sent, 1000);
                self.sent += self.stream.write(&piece).await? as u64;
            }
            self.read().await?;
        }
        Ok(())
    }

    async fn read(&mut self) -> io::Result<()> {
        let mut buffer = [0; 1500];
        let length = self.stream.read(&mut buffer).await?;
        compare(self.received, &buffer[..length])?;
        self.received += length as u64;
        match length {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    async fn rest(&mut self) -> io::Result<()> {
        while self.received < self.sent {
            self.read().await?;
        }
        Ok(())
    }
}

/// Bytes from `start` on.
fn pattern(start: u64, length: u64) -> Vec<u8> {
    (start..start + length).map(|at| (at % 251) as u8).collect()
}

/// An error unless they are those from `start` on.
fn compare(start: u64, bytes: &[u8]) -> io::Result<()> {
    match bytes == pattern(start, bytes.len() as u64) {
        true => Ok(()),
        false => Err(io::Error::other(format!("wrong bytes from {start} on"))),
    }
}

/// Sends some pieces, with pauses between, and reads what comes back.
async fn exchange(client: Client, url: String, pieces: u64) -> io::Result<()> {
    let body = stream::iter(0..pieces).then(|piece| async move {
        if piece % 2 == 1 {
            time::sleep(Duration::from_micros(200)).await;
        }
        Ok::<_, Infallible>(Bytes::from(pattern(piece * 5_000, 5_000)))
    });
    let request = client.post(url).body(Body::wrap_stream(body));
    let mut response = request.send().await.map_err(io::Error::other)?;
    let mut received = 0;
    while let Some(piece) = response.chunk().await.map_err(io::Error::other)? {
        compare(received, &piece)?;
        received += piece.len() as u64;
    }
    match received == pieces * 5_000 {
        true => Ok(()),
        false => Err(io::Error::other(format!("{received} bytes look whole"))),
    }
}

/// One of the things that a program waits for.
fn operation(kind: u64, world: &World, random: &mut Random) -> Operation {
    let address = world.address;
    let number = random.below(1000);
    match kind {
        0 => Box::pin(async move {
            let mut stream = TcpStream::connect(address).await?;
            for turn in 0..3 {
                let mut read = [0; 1000];
                stream.write_all(&pattern(turn * 1000, 1000)).await?;
                stream.read_exact(&mut read).await?;
                compare(turn * 1000, &read)?;
            }
            Ok(())
        }),
        1 => Box::pin(async move {
            let one = UdpSocket::bind("127.0.0.1:0").await?;
            let other = UdpSocket::bind("127.0.0.1:0").await?;
            one.send_to(b"datagram", other.local_addr()?).await?;
            other.recv_from(&mut [0; 10]).await?;
            // No one sends another one.
            time::timeout(Duration::from_millis(1), other.recv_from(&mut [0; 10]))
                .await
                .map_or(Ok(()), |received| received.map(drop))
        }),
        2 => Box::pin(async move { lookup_host("localhost:80").await.map(drop) }),
        3 => Box::pin(async move {
            let timer = subscribe_duration(number * 1000);
            let timer = match AsyncPollable::new(timer, Pollable::handle) {
                // WASI 0.3 has none.
                Err(error) if error.kind() == io::ErrorKind::Unsupported => return Ok(()),
                timer => timer?,
            };
            timer.ready().await?.retain_ready();
            Ok(())
        }),
        4 => Box::pin(async move {
            let (mut stdin, mut read) = (tokio::io::stdin(), [0; 10]);
            let reading = stdin.read(&mut read);
            time::timeout(Duration::from_micros(number), reading)
                .await
                .map_or(Ok(()), |read| read.map(drop))
        }),
        5 => Box::pin(async move {
            let mut stdout = tokio::io::stdout();
            stdout.write_all(b" ").await?;
            stdout.flush().await
        }),
        6 => Box::pin(async move {
            let job = task::spawn_blocking(move || {
                std::thread::sleep(Duration::from_micros(number / 10))
            });
            job.await.map_err(io::Error::other)
        }),
        7 => Box::pin(async move {
            let path = format!("note-{number}");
            tokio::fs::write(&path, b"note").await?;
            match tokio::fs::read(&path).await {
                Ok(note) if note == b"note" || note.is_empty() => {}
                Ok(note) => return Err(io::Error::other(format!("read {note:?}"))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            match tokio::fs::remove_file(&path).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        }),
        8 => Box::pin(async move {
            time::sleep(Duration::from_micros(number)).await;
            Ok(())
        }),
        9 => {
            let kept = world.kept.clone();
            Box::pin(async move { kept.lock().await.some().await })
        }
        _ => {
            let client = world.clients[kind as usize % 2].clone();
            let url = world.url.clone().expect("there is one for this kind");
            Box::pin(exchange(client, url, number % 5))
        }
    }
}

/// Runs an operation, but not for long; gives back its result if it had one.
async fn give_up(mut operation: Operation, random: &mut Random) -> Option<io::Result<()>> {
    let patience = random.below(1500);
    match random.below(4) {
        0 => {
            let mut polls = random.below(6);
            poll_fn(|context| {
                if polls == 0 {
                    return Poll::Ready(None);
                }
                polls -= 1;
                operation.as_mut().poll(context).map(Some)
            })
            .await
        }
        1 => time::timeout(Duration::from_micros(patience), operation)
            .await
            .ok(),
        2 => tokio::select! {
            result = operation => Some(result),
            () = turns(patience / 100) => None,
        },
        _ => {
            let task = tokio::spawn(operation);
            turns(patience / 100).await;
            task.abort();
            task.await.ok()
        }
    }
}

/// The size of the memory, in pages of 64 KiB.
fn memory() -> usize {
    core::arch::wasm32::memory_size(0)
}

async fn turns(count: u64) {
    for _ in 0..count {
        task::yield_now().await;
    }
}
