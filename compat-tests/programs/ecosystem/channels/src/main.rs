//! Channels and locks that belong to no runtime, on tokio.

use std::sync::Arc;
use std::time::Duration;

use async_lock::{Barrier, Mutex, RwLock, Semaphore};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (sender, receiver) = async_channel::bounded(3);
    let producers: Vec<_> = (0..4u64)
        .map(|producer| {
            let sender = sender.clone();
            tokio::spawn(async move {
                for number in 0..100 {
                    sender.send(producer * 100 + number).await.unwrap();
                }
            })
        })
        .collect();
    drop(sender);
    let consumers: Vec<_> = (0..3)
        .map(|_| {
            let receiver = receiver.clone();
            tokio::spawn(async move {
                let mut sum = 0;
                while let Ok(number) = receiver.recv().await {
                    sum += number;
                    tokio::task::yield_now().await;
                }
                sum
            })
        })
        .collect();
    for producer in producers {
        producer.await.unwrap();
    }
    let mut sum = 0;
    for consumer in consumers {
        sum += consumer.await.unwrap();
    }
    checks::equal("all arrived", sum, (0..400).sum::<u64>());
    checks::that(
        "closed",
        receiver.is_closed() && receiver.recv().await.is_err(),
    );

    let (sender, receiver) = async_broadcast::broadcast(8);
    let receivers: Vec<_> = (0..3)
        .map(|_| {
            let mut receiver = receiver.new_receiver();
            tokio::spawn(async move { (receiver.recv().await, receiver.recv().await) })
        })
        .collect();
    drop(receiver);
    sender.broadcast("one").await.unwrap();
    sender.broadcast("two").await.unwrap();
    for receiver in receivers {
        checks::equal(
            "told to all",
            receiver.await.unwrap(),
            (Ok("one"), Ok("two")),
        );
    }

    let counter = Arc::new(Mutex::new(0));
    let shared = Arc::new(RwLock::new(0));
    let permits = Arc::new(Semaphore::new(2));
    let barrier = Arc::new(Barrier::new(10));
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let (counter, shared) = (counter.clone(), shared.clone());
            let (permits, barrier) = (permits.clone(), barrier.clone());
            tokio::spawn(async move {
                let permit = permits.acquire().await;
                let mut counted = counter.lock().await;
                let before = *counted;
                tokio::time::sleep(Duration::from_millis(1)).await;
                *counted = before + 1;
                drop((counted, permit));
                *shared.write().await += 1;
                barrier.wait().await.is_leader()
            })
        })
        .collect();
    let mut leaders = 0;
    for task in tasks {
        leaders += usize::from(task.await.unwrap());
    }
    checks::equal("one leader", leaders, 1);
    checks::equal("the mutex", *counter.lock().await, 10);
    checks::equal("the lock", *shared.read().await, 10);
    checks::finish();
}
