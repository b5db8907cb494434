//! Code that blocks while tasks run, which threads do natively. Without them,
//! all of it shares a single stack. The argument says what is done.

use std::time::{Duration, Instant};

use tokio::runtime::{Handle, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::{task, time};

tokio::task_local! {
    static USER: u32;
}

fn main() {
    let what = std::env::args().nth(1).expect("what to do");
    let runtime = Runtime::new().unwrap();
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
            "held-up" => held_up().await,
            "main-is-finished" => main_is_finished().await,
            "two-runtimes" => two_runtimes().await,
            "shutdown" => drop(task::spawn_blocking(|| {
                Handle::current().block_on(time::sleep(Duration::from_millis(1)));
            })),
            "requests" => requests(1000).await,
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
    let requests: Vec<_> = (0..count)
        .map(|_| {
            tokio::spawn(async {
                let handle = Handle::current();
                let sleep = || time::sleep(Duration::from_millis(1));
                let a = task::spawn_blocking(move || handle.block_on(async { sleep().await }));
                a.await.unwrap();
                task::block_in_place(|| Handle::current().block_on(async { sleep().await }));
            })
        })
        .collect();
    let mut answered = 0;
    for request in requests {
        request.await.unwrap();
        answered += 1;
    }
    println!("answered: {answered}");
}
