//! tokio-util's framed codecs over TCP, and its tasks, pools and timers.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::{Framed, LengthDelimitedCodec, LinesCodec};
use tokio_util::io::{ReaderStream, StreamReader};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::time::DelayQueue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let stop = CancellationToken::new();
    let tracker = TaskTracker::new();
    let (stopping, tracking) = (stop.clone(), tracker.clone());
    tracker.spawn(async move {
        while let Some(Ok((stream, _))) = stopping.run_until_cancelled(listener.accept()).await {
            let stopping = stopping.clone();
            tracking.spawn(async move {
                let mut frames = Framed::new(stream, LengthDelimitedCodec::new());
                while let Some(Some(Ok(frame))) = stopping.run_until_cancelled(frames.next()).await
                {
                    frames.send(frame.freeze()).await.unwrap();
                }
            });
        }
    });

    let mut frames = Framed::new(
        TcpStream::connect(address).await?,
        LengthDelimitedCodec::new(),
    );
    for length in [0, 1, 1000, 1 << 20] {
        frames.send(Bytes::from(vec![7; length])).await?;
        let frame = frames.next().await.expect("a frame")?;
        checks::that("a frame comes back", frame == vec![7; length]);
    }
    let (mut sink, stream) = frames.split();
    let sending = tokio::spawn(async move {
        for number in 0..1000u32 {
            sink.feed(Bytes::from(number.to_string())).await?;
        }
        sink.flush().await.map(|()| sink)
    });
    let received: Vec<BytesMut> = stream.take(1000).map(Result::unwrap).collect().await;
    checks::that(
        "both ways",
        received
            .iter()
            .enumerate()
            .all(|(n, frame)| *frame == n.to_string()),
    );
    drop(sending.await??);

    let (one, other) = tokio::io::duplex(16);
    let mut lines = Framed::new(one, LinesCodec::new_with_max_length(20));
    let writing = tokio::spawn(async move {
        let mut other = other;
        other.write_all(b"first\r\nsecond\nwithout an end").await
    });
    checks::equal("a line", lines.next().await.unwrap()?, "first");
    checks::equal("the next", lines.next().await.unwrap()?, "second");
    checks::equal("the last", lines.next().await.unwrap()?, "without an end");
    writing.await??;

    let text: &[u8] = &[b'x'; 10_000];
    let mut reader = StreamReader::new(ReaderStream::with_capacity(text, 100));
    let mut copied = Vec::new();
    reader.read_to_end(&mut copied).await?;
    checks::that("a stream as a reader", copied == text);

    let mut queue = DelayQueue::new();
    for (number, milliseconds) in [(3, 60), (1, 20), (2, 40)] {
        queue.insert(number, Duration::from_millis(milliseconds));
    }
    let order: Vec<i32> = queue.map(|expired| expired.into_inner()).collect().await;
    checks::equal("delays", order, [1, 2, 3]);

    stop.cancel();
    tracker.close();
    tokio::time::timeout(Duration::from_secs(5), tracker.wait()).await?;
    checks::that("all tasks ended", tracker.is_empty());
    checks::finish();
    Ok(())
}
