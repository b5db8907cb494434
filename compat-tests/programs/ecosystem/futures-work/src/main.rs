//! futures' executors, channels, streams and sinks, without a runtime.

use std::pin::pin;

use futures::channel::{mpsc, oneshot};
use futures::executor::{LocalPool, block_on};
use futures::io::{AsyncReadExt, AsyncWriteExt, Cursor};
use futures::stream::FuturesUnordered;
use futures::task::LocalSpawnExt;
use futures::{SinkExt, StreamExt, TryStreamExt, future, lock::Mutex, select, stream};

fn main() {
    let mut pool = LocalPool::new();
    let spawner = pool.spawner();
    let (mut sender, receiver) = mpsc::channel(2);
    spawner
        .spawn_local(async move {
            for number in 0..100 {
                sender.send(number).await.unwrap();
            }
        })
        .unwrap();
    let sum = pool.run_until(receiver.fold(0, |sum, number| async move { sum + number }));
    checks::equal("a bounded channel", sum, 4950);

    block_on(async {
        let squares = (0..50u32).map(|number| async move { number * number });
        let mut squares: Vec<u32> = squares.collect::<FuturesUnordered<_>>().collect().await;
        squares.sort_unstable();
        checks::equal(
            "unordered",
            squares,
            (0..50).map(|n| n * n).collect::<Vec<u32>>(),
        );

        let buffered: Vec<u8> = stream::iter(0..20u8)
            .map(future::ready)
            .buffered(4)
            .chunks(5)
            .map(|chunk| chunk.iter().sum::<u8>())
            .collect()
            .await;
        checks::equal("buffered, in chunks", buffered, [10, 35, 60, 85]);

        let (answer, asked) = oneshot::channel();
        let mut never = pin!(future::pending::<()>());
        let mut asked = pin!(futures::FutureExt::fuse(asked));
        let mut answering = pin!(futures::FutureExt::fuse(async { answer.send(42).unwrap() }));
        let mut never = pin!(futures::FutureExt::fuse(&mut never));
        let answer = loop {
            select! {
                () = answering => {},
                answer = asked => break answer,
                () = never => unreachable!(),
            }
        };
        checks::equal("select", answer, Ok(42));

        let counter = Mutex::new(0);
        future::join_all((0..10).map(|_| async { *counter.lock().await += 1 })).await;
        checks::equal("a mutex", counter.into_inner(), 10);

        let failing = stream::iter([Ok(1), Err("two"), Ok(3)]);
        checks::equal(
            "try_collect",
            failing.try_collect::<Vec<i32>>().await,
            Err("two"),
        );

        let mut written = Cursor::new(Vec::new());
        written.write_all(b"hello").await.unwrap();
        let mut read = String::new();
        Cursor::new(written.into_inner())
            .read_to_string(&mut read)
            .await
            .unwrap();
        checks::equal("io", read, "hello");
        let (sink, stream) = mpsc::unbounded();
        let mut sink =
            pin!(sink.with(|text: &str| future::ready(Ok::<_, mpsc::SendError>(text.len()))));
        sink.send("four").await.unwrap();
        drop(sink.close().await);
        checks::equal("a sink", stream.take(1).collect::<Vec<_>>().await, [4]);
    });
    checks::finish();
}
