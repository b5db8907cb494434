//! What ends a program whose blocking tasks have stacks of their own. The argument
//! says what is done.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::{Handle, Runtime};
use tokio::sync::oneshot;
use tokio::{task, time};

fn sleep(ms: u64) {
    Handle::current().block_on(time::sleep(Duration::from_millis(ms)));
}

fn main() {
    let what = std::env::args().nth(1).expect("what to do");
    let runtime = Runtime::new().unwrap();
    match what.as_str() {
        "lock" => runtime.block_on(lock()),
        "deadlock" => runtime.block_on(async {
            let (tx, rx) = oneshot::channel::<()>();
            let task = task::spawn_blocking(|| rx.blocking_recv());
            task.await.unwrap().unwrap();
            drop(tx);
        }),
        "overflow" => runtime.block_on(async {
            let used = task::spawn_blocking(|| {
                let here = 0u8;
                recurse(&raw const here as usize)
            });
            println!("{}", used.await.unwrap());
        }),
        other => panic!("what is {other:?}?"),
    }
    println!("{what}: done");
}

/// Uses 20 KiB more than the stack has.
#[inline(never)]
fn recurse(top: usize) -> usize {
    let frame = std::hint::black_box([1u8; 512]);
    let here = frame.as_ptr() as usize;
    if top - here > (256 + 20) * 1024 {
        return usize::from(frame[0]);
    }
    recurse(top) + usize::from(frame[1])
}

/// A lock of std is held by a task that is suspended.
async fn lock() {
    let lock = Arc::new(Mutex::new(()));
    let other = lock.clone();
    let holds = task::spawn_blocking(move || {
        let _held = other.lock().unwrap();
        sleep(5);
    });
    let waits = task::spawn_blocking(move || drop(lock.lock().unwrap()));
    holds.await.unwrap();
    waits.await.unwrap();
}
