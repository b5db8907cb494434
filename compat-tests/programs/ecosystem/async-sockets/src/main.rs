//! async-io's sockets and timers, on async-executor.

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use async_executor::LocalExecutor;
use async_io::{Async, Timer, block_on};
use futures_lite::{AsyncReadExt, AsyncWriteExt, FutureExt, StreamExt, io};

async fn serve(
    listener: Async<TcpListener>,
    executor: &'static LocalExecutor<'static>,
) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        executor
            .spawn(async move { io::copy(&stream, &mut &stream).await })
            .detach();
    }
}

async fn echo(address: std::net::SocketAddr, data: Vec<u8>) -> io::Result<Vec<u8>> {
    let stream = Async::<TcpStream>::connect(address).await?;
    let sending = async {
        (&stream).write_all(&data).await?;
        stream.get_ref().shutdown(std::net::Shutdown::Write)
    };
    let mut received = Vec::new();
    let receiving = async {
        let mut stream = &stream;
        stream.read_to_end(&mut received).await
    };
    futures_lite::future::try_zip(sending, receiving).await?;
    Ok(received)
}

fn main() -> io::Result<()> {
    let executor: &'static LocalExecutor<'static> = Box::leak(Box::default());
    block_on(executor.run(async {
        let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0))?;
        let address = listener.get_ref().local_addr()?;
        let server = executor.spawn(serve(listener, executor));

        let large: Vec<u8> = (0..1 << 20).map(|number| number as u8).collect();
        checks::that(
            "a megabyte comes back",
            echo(address, large.clone()).await? == large,
        );
        let tasks: Vec<_> = (0..50)
            .map(|number: u32| executor.spawn(echo(address, number.to_string().into_bytes())))
            .collect();
        for (number, task) in tasks.into_iter().enumerate() {
            checks::equal(
                "streams at once",
                task.await?,
                number.to_string().into_bytes(),
            );
        }

        let started = Instant::now();
        let timers = (1..=5).map(|tens| {
            executor.spawn(async move { Timer::after(Duration::from_millis(10 * tens)).await })
        });
        for timer in timers.collect::<Vec<_>>() {
            timer.await;
        }
        checks::that("timers", started.elapsed() >= Duration::from_millis(50));
        let ticks = Timer::interval(Duration::from_millis(5)).take(4);
        checks::equal("ticks", ticks.count().await, 4);

        let receiver = Async::<UdpSocket>::bind(([127, 0, 0, 1], 0))?;
        let sender = Async::<UdpSocket>::bind(([127, 0, 0, 1], 0))?;
        let address = receiver.get_ref().local_addr()?;
        sender.send_to(b"datagram", address).await?;
        let mut buffer = [0; 20];
        let (length, from) = receiver.recv_from(&mut buffer).await?;
        checks::equal("a datagram", &buffer[..length], b"datagram");
        checks::equal("its sender", from, sender.get_ref().local_addr()?);

        let silence = async { receiver.recv_from(&mut [0; 1]).await.map(|_| false) };
        let timeout = async {
            Timer::after(Duration::from_millis(30)).await;
            Ok(true)
        };
        checks::that("a timeout", silence.or(timeout).await?);
        let refused = Async::<TcpStream>::connect(([127, 0, 0, 1], 1)).await;
        checks::equal(
            "nobody listens",
            refused.unwrap_err().kind(),
            io::ErrorKind::ConnectionRefused,
        );
        server.cancel().await;
        checks::finish();
        Ok(())
    }))
}
