//! Starts things and gives them up at a random moment: by dropping the future
//! after some polls, by `timeout`, by `select!` and by `abort`.
//!
//! Usage: cancel COUNT SEED

use std::error::Error;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::io::wasi::AsyncPollable;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket, lookup_host};
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
    let words: Vec<u64> = std::env::args()
        .skip(1)
        .map(|word| word.parse())
        .collect::<Result<_, _>>()?;
    let &[count, seed] = words.as_slice() else {
        return Err("usage: cancel COUNT SEED".into());
    };
    let mut random = Random(seed | 1);

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

    let (mut ended, mut cancelled) = (0, 0);
    for _ in 0..count {
        let operation = operation(random.below(9), address, &mut random);
        match give_up(operation, &mut random).await {
            Some(result) => {
                result?;
                ended += 1;
            }
            None => cancelled += 1,
        }
    }

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
    println!("\n{count} done");
    Ok(())
}

/// One of nine things that a program waits for.
fn operation(kind: u64, address: SocketAddr, random: &mut Random) -> Operation {
    let number = random.below(1000);
    match kind {
        0 => Box::pin(async move {
            let mut stream = TcpStream::connect(address).await?;
            for _ in 0..3 {
                stream.write_all(&[7; 1000]).await?;
                stream.read_exact(&mut [0; 1000]).await?;
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
        _ => Box::pin(async move {
            time::sleep(Duration::from_micros(number)).await;
            Ok(())
        }),
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

async fn turns(count: u64) {
    for _ in 0..count {
        task::yield_now().await;
    }
}
