//! Code that blocks while tasks run, which threads do natively. Without them,
//! all of it shares a single stack. The argument says what is done.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::{task, time};
use tokio_util::io::SyncIoBridge;

tokio::task_local! {
    static USER: u32;
}

fn main() {
    let what = std::env::args().nth(1).expect("what to do");
    // Natively each task that blocks has a thread, and so has whoever goes on in its
    // place. With 512 of them, which Tokio has by itself, a thousand that block at
    // once can take them all, and then nobody drives the timers that they wait for.
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(4096)
        .build()
        .unwrap();
    let start = Instant::now();

    runtime.block_on(async {
        match what.as_str() {
            "identity" => identity().await,
            "channel" => channel().await,
            "channel-beside-timer" => {
                // Nobody can tell that the timer ends no wait.
                let timer = tokio::spawn(time::sleep(Duration::from_secs(3600)));
                task::yield_now().await;
                channel().await;
                timer.abort();
            }
            "bridges" => bridges().await,
            "held-up" => held_up().await,
            "main-is-finished" => main_is_finished().await,
            "two-runtimes" => two_runtimes().await,
            "shutdown" => drop(task::spawn_blocking(|| {
                Handle::current().block_on(time::sleep(Duration::from_millis(1)));
            })),
            "requests" => requests(1000).await,
            "server" => server(1000).await,
            other => panic!("what is {other:?}?"),
        }
    });
    eprintln!("after {:?}", start.elapsed());
    println!("{what}: done");
}

/// A request sees the identity of no other.
async fn identity() {
    let (tx, rx) = oneshot::channel();
    let a = tokio::spawn(USER.scope(1, async {
        task::block_in_place(|| Handle::current().block_on(rx)).unwrap()
    }));
    let b = tokio::spawn(async { tx.send(USER.try_get().is_ok()).unwrap() });
    println!("b sees the user of a: {}", a.await.unwrap());
    b.await.unwrap();
}

/// Two blocking tasks, with room for a single message between them.
async fn channel() {
    let (tx, mut rx) = mpsc::channel(1);
    let send = task::spawn_blocking(move || {
        for i in 0..100 {
            tx.blocking_send(i).unwrap();
        }
    });
    let recv = task::spawn_blocking(move || {
        let mut sum = 0;
        while let Some(i) = rx.blocking_recv() {
            sum += i;
        }
        sum
    });
    send.await.unwrap();
    println!("sum: {}", recv.await.unwrap());
}

/// Two blocking tasks, one of which reads what the other one writes.
async fn bridges() {
    let (one, other) = tokio::io::duplex(64);
    let write = task::spawn_blocking(move || {
        let mut one = SyncIoBridge::new(one);
        for line in 0..1000 {
            writeln!(one, "line {line}").unwrap();
        }
        one.shutdown().unwrap();
    });
    let read = task::spawn_blocking(move || {
        let mut text = String::new();
        SyncIoBridge::new(other).read_to_string(&mut text).unwrap();
        text
    });
    write.await.unwrap();
    let text = read.await.unwrap();
    println!(
        "{} lines, last {:?}",
        text.lines().count(),
        text.lines().last()
    );
}

/// A caller is held up for more than a second, and goes on.
async fn held_up() {
    drop(task::spawn_blocking(|| {
        Handle::current().block_on(time::sleep(Duration::from_millis(1500)));
    }));
    time::sleep(Duration::from_millis(10)).await;
}

/// A blocking task waits for what is dropped along with the runtime.
async fn main_is_finished() {
    let (tx, mut rx) = mpsc::channel::<()>(1);
    tokio::spawn(async move {
        let _tx = tx;
        std::future::pending::<()>().await
    });
    drop(task::spawn_blocking(
        move || while rx.blocking_recv().is_some() {},
    ));
    task::yield_now().await;
}

/// A runtime blocks within another one, whose task and timer it needs.
async fn two_runtimes() {
    let (tx, rx) = oneshot::channel();
    tokio::spawn(async {
        time::sleep(Duration::from_millis(5)).await;
        tx.send(1).unwrap();
    });
    let value = task::spawn_blocking(|| Runtime::new().unwrap().block_on(rx).unwrap());
    println!("value: {}", value.await.unwrap());
}

/// What a server does that blocks in its handlers.
async fn requests(count: usize) {
    let requests: Vec<_> = (0..count).map(|_| tokio::spawn(block_twice())).collect();
    let mut answered = 0;
    for request in requests {
        request.await.unwrap();
        answered += 1;
    }
    println!("answered: {answered}");
}

async fn block_twice() {
    let handle = Handle::current();
    let sleep = || time::sleep(Duration::from_millis(1));
    let a = task::spawn_blocking(move || handle.block_on(async { sleep().await }));
    a.await.unwrap();
    task::block_in_place(|| Handle::current().block_on(async { sleep().await }));
}

/// Such a server, which gets all its requests at once.
async fn server(count: usize) {
    let (connect, connected) = mpsc::unbounded_channel();
    let handler = || async {
        block_twice().await;
        "done"
    };
    let router = Router::new().route("/", get(handler));
    let server = tokio::spawn(axum::serve(Connections(connected), router).into_future());

    let requests: Vec<_> = (0..count)
        .map(|_| {
            let (mut client, server) = tokio::io::duplex(1024);
            connect.send(server).unwrap();
            tokio::spawn(async move {
                let request = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
                client.write_all(request).await.unwrap();
                let mut response = String::new();
                client.read_to_string(&mut response).await.unwrap();
                response.starts_with("HTTP/1.1 200") && response.ends_with("\r\n\r\ndone")
            })
        })
        .collect();
    let mut answered = 0;
    for request in requests {
        answered += usize::from(request.await.unwrap());
    }
    println!("answered: {answered}");
    server.abort();
}

/// Connections that take no descriptors, of which a process may have few.
struct Connections(mpsc::UnboundedReceiver<DuplexStream>);

impl axum::serve::Listener for Connections {
    type Io = DuplexStream;
    type Addr = ();

    async fn accept(&mut self) -> (DuplexStream, ()) {
        match self.0.recv().await {
            Some(stream) => (stream, ()),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<()> {
        Ok(())
    }
}
