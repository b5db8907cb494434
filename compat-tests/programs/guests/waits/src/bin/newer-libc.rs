//! Is linked with a `poll(2)` that does not fail for a descriptor that is closed,
//! as wasi-libc since wasi-sdk 34, and prints how often it was called while
//! tokio waits for one.

use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::io::unix::AsyncFd;
use tokio::net::{TcpListener, TcpStream};

static POLLS: AtomicUsize = AtomicUsize::new(0);

/// `struct pollfd`
#[repr(C)]
struct PollFd {
    fd: i32,
    events: i16,
    revents: i16,
}

const POLLNVAL: i16 = 0x4000;

unsafe extern "C" {
    fn __real_poll(fds: *mut PollFd, count: usize, timeout: i32) -> i32;
}

/// Stands in for `poll(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_poll(fds: *mut PollFd, count: usize, timeout: i32) -> i32 {
    POLLS.fetch_add(1, Relaxed);
    let all = match count {
        0 => &mut [],
        // SAFETY: the caller has so many.
        _ => unsafe { std::slice::from_raw_parts_mut(fds, count) },
    };
    let mut open: Vec<PollFd> = Vec::new();
    let mut closed = 0;
    for one in &mut *all {
        one.revents = 0;
        // SAFETY: it is one.
        if unsafe { __real_poll(one, 1, 0) } < 0 {
            one.revents = POLLNVAL;
            closed += 1;
        } else {
            open.push(PollFd { revents: 0, ..*one });
        }
    }
    let timeout = if closed > 0 { 0 } else { timeout };
    // SAFETY: they are so many.
    let ready = unsafe { __real_poll(open.as_mut_ptr(), open.len(), timeout) };
    if ready < 0 {
        return ready;
    }
    let mut open = open.iter();
    for one in all.iter_mut().filter(|one| one.revents != POLLNVAL) {
        one.revents = open.next().expect("it is one of them").revents;
    }
    ready + closed
}

#[tokio::main]
async fn main() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    // SAFETY: nothing is done with the descriptor after it is closed.
    let closed = unsafe { AsyncFd::register(listener.as_raw_fd()) }.unwrap();
    drop(listener);
    let before = POLLS.load(Relaxed);
    let waiting = tokio::time::timeout(Duration::from_millis(200), closed.readable());
    assert!(waiting.await.is_err());
    println!("polls {}", POLLS.load(Relaxed) - before);
    drop(closed);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::try_join!(TcpStream::connect(address), listener.accept()).unwrap();
    println!("done");
}
