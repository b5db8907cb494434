//! tokio-stream's adapters over timers, channels and sockets.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, mpsc, watch};
use tokio_stream::wrappers::{
    BroadcastStream, IntervalStream, LinesStream, ReceiverStream, TcpListenerStream, WatchStream,
};
use tokio_stream::{StreamExt, StreamMap, StreamNotifyClose};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(async move {
        let mut streams = TcpListenerStream::new(listener).take(10);
        let mut lines = Vec::new();
        while let Some(stream) = streams.next().await {
            let mut read = LinesStream::new(BufReader::new(stream?).lines());
            while let Some(line) = read.next().await {
                lines.push(line?);
            }
        }
        Ok::<_, std::io::Error>(lines)
    });
    for number in 0..10 {
        let mut stream = TcpStream::connect(address).await?;
        stream
            .write_all(format!("hello\nfrom {number}\n").as_bytes())
            .await?;
        stream.shutdown().await?;
    }
    let lines = server.await??;
    checks::equal("lines", lines.len(), 20);
    checks::that(
        "in their order",
        lines.ends_with(&["hello".to_owned(), "from 9".to_owned()]),
    );

    let ticks = IntervalStream::new(tokio::time::interval(Duration::from_millis(10)));
    let slow = ticks.take(5).throttle(Duration::from_millis(15));
    let started = std::time::Instant::now();
    checks::equal("ticks", slow.collect::<Vec<_>>().await.len(), 5);
    checks::that("not faster", started.elapsed() >= Duration::from_millis(55));

    let mut map = StreamMap::new();
    for name in ["one", "two"] {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            for number in 0..3 {
                sender.send(number).await.unwrap();
            }
        });
        map.insert(name, StreamNotifyClose::new(ReceiverStream::new(receiver)));
    }
    let (mut sum, mut closed) = (0, 0);
    while let Some((_, item)) = map.next().await {
        match item {
            Some(number) => sum += number,
            None => closed += 1,
        }
    }
    checks::equal("two streams", (sum, closed), (6, 2));

    let (sender, receiver) = mpsc::channel(100);
    for number in 0..25 {
        sender.send(number).await?;
    }
    let chunks = ReceiverStream::new(receiver).chunks_timeout(10, Duration::from_millis(50));
    let mut chunks = std::pin::pin!(chunks);
    for expected in [10, 10, 5] {
        checks::equal("chunks", chunks.next().await.unwrap().len(), expected);
    }

    let (sender, receiver) = broadcast::channel(4);
    for number in 0..6 {
        sender.send(number)?;
    }
    drop(sender);
    let received: Vec<_> = BroadcastStream::new(receiver).collect().await;
    checks::equal(
        "a lag and the rest",
        (received[0].is_err(), received.len()),
        (true, 5),
    );

    let (sender, receiver) = watch::channel("before");
    let mut values = WatchStream::new(receiver);
    checks::equal("a value", values.next().await, Some("before"));
    sender.send("after")?;
    checks::equal("the next", values.next().await, Some("after"));

    let never = tokio_stream::pending::<()>().timeout(Duration::from_millis(20));
    checks::that(
        "a timeout",
        std::pin::pin!(never).next().await.unwrap().is_err(),
    );
    checks::finish();
    Ok(())
}
