//! Does everything at once that a runtime can wait for, and prints what came of
//! it: serves TCP and echoes to itself, ticks, resolves names, reads lines from
//! standard input, and waits for ten pollables of its own.
//!
//! Usage: one-wait SECONDS

use std::error::Error;
use std::time::{Duration, Instant};

use tokio::io::wasi::AsyncPollable;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::runtime::Handle;
use tokio::time::{self, MissedTickBehavior};
use wasip2::clocks::monotonic_clock::{now, subscribe_duration};
use wasip2::io::poll::Pollable;

const PERIOD: Duration = Duration::from_millis(10);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let seconds = std::env::args().nth(1).ok_or("usage: one-wait SECONDS")?;
    let end = Instant::now() + Duration::from_secs(seconds.parse()?);

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });

    let (ticks, echoes, lookups, lines, pollables) = tokio::try_join!(
        tick(end),
        echo(address, end),
        resolve(end),
        read_lines(),
        wait_for_pollables(end),
    )?;
    println!(
        "ticks {} late {} worst {} us",
        ticks.0,
        ticks.1,
        ticks.2.as_micros()
    );
    println!("echoes {echoes}");
    println!("lookups {lookups}");
    println!("lines {lines}");
    println!("pollables {pollables}");
    println!("parks {}", Handle::current().metrics().worker_park_count(0));
    Ok(())
}

/// How many ticks there were, how many were over 5 ms late, and the latest.
async fn tick(end: Instant) -> Result<(u32, u32, Duration), Box<dyn Error>> {
    let mut interval = time::interval(PERIOD);
    interval.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut ticks, mut late, mut worst) = (0, 0, Duration::ZERO);
    while Instant::now() < end {
        let due = interval.tick().await;
        let lateness = due.elapsed();
        ticks += 1;
        late += u32::from(lateness > Duration::from_millis(5));
        worst = worst.max(lateness);
    }
    Ok((ticks, late, worst))
}

async fn echo(address: std::net::SocketAddr, end: Instant) -> Result<u32, Box<dyn Error>> {
    let mut stream = TcpStream::connect(address).await?;
    let mut echoes: u32 = 0;
    while Instant::now() < end {
        let sent = echoes.to_le_bytes().repeat(16);
        stream.write_all(&sent).await?;
        let mut received = [0; 64];
        stream.read_exact(&mut received).await?;
        if received != *sent {
            return Err(format!("echo {echoes} came back changed").into());
        }
        echoes += 1;
        time::sleep(Duration::from_millis(3)).await;
    }
    Ok(echoes)
}

async fn resolve(end: Instant) -> Result<u32, Box<dyn Error>> {
    let mut lookups = 0;
    while Instant::now() < end {
        for address in lookup_host("localhost:80").await? {
            if !address.ip().is_loopback() {
                return Err(format!("localhost is {address}").into());
            }
        }
        lookups += 1;
        time::sleep(Duration::from_millis(20)).await;
    }
    Ok(lookups)
}

/// Each line is its number.
async fn read_lines() -> Result<u32, Box<dyn Error>> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut count = 0;
    while let Some(line) = lines.next_line().await? {
        if line != count.to_string() {
            return Err(format!("line {count} is {line:?}").into());
        }
        count += 1;
    }
    Ok(count)
}

async fn wait_for_pollables(end: Instant) -> Result<u32, Box<dyn Error>> {
    let mut tasks = Vec::new();
    for number in 1..=10 {
        tasks.push(tokio::spawn(async move {
            let mut waits = 0;
            while Instant::now() < end {
                let duration = number * 1_700_000;
                let due = now() + duration;
                let pollable = AsyncPollable::new(subscribe_duration(duration), Pollable::handle)?;
                pollable
                    .async_io(|| match now() {
                        now if now < due => Err(std::io::ErrorKind::WouldBlock.into()),
                        _ => Ok(()),
                    })
                    .await?;
                waits += 1;
            }
            Ok::<u32, std::io::Error>(waits)
        }));
    }
    let mut waits = 0;
    for task in tasks {
        waits += task.await??;
    }
    Ok(waits)
}
