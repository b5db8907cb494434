//! Pollables wait in `poll(2)`, beside sockets.
#![cfg(all(target_os = "wasi", target_env = "p2"))]

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use wasi_pollable_fd::PollableFd;
use wasip2::clocks::monotonic_clock::{subscribe_duration, subscribe_instant};
use wasip2::io::poll::Pollable;

const MILLISECOND: u64 = 1_000_000;
const HOUR: u64 = 3_600_000 * MILLISECOND;

fn timer(nanoseconds: u64) -> PollableFd {
    PollableFd::new(subscribe_duration(nanoseconds), Pollable::handle).unwrap()
}

/// Returns the events of each descriptor.
fn poll(fds: &[(RawFd, i16)], timeout: i32) -> Vec<i16> {
    let mut polled: Vec<_> = fds
        .iter()
        .map(|&(fd, events)| libc::pollfd {
            fd,
            events,
            revents: 0,
        })
        .collect();
    // SAFETY: pointer and length are those of one vector.
    let ready = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as _, timeout) };
    assert!(ready >= 0, "{}", io::Error::last_os_error());
    let events: Vec<i16> = polled.iter().map(|polled| polled.revents).collect();
    let reported = events.iter().filter(|events| **events != 0).count();
    assert_eq!(ready as usize, reported);
    events
}

#[test]
fn a_timer_ends_the_wait_when_it_is_due() {
    let timer = timer(30 * MILLISECOND);
    let start = Instant::now();
    assert_eq!(
        poll(&[(timer.as_raw_fd(), libc::POLLIN)], -1),
        [libc::POLLIN]
    );
    assert!(
        start.elapsed() >= Duration::from_millis(30),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn it_stays_ready_and_is_reported_for_what_is_asked() {
    let timer = timer(0);
    for asked in [libc::POLLIN, libc::POLLOUT, libc::POLLIN | libc::POLLOUT] {
        assert_eq!(poll(&[(timer.as_raw_fd(), asked)], 1000), [asked]);
        assert_eq!(poll(&[(timer.as_raw_fd(), asked)], 0), [asked]);
    }
}

#[test]
fn one_that_is_not_ready_can_be_waited_for_again() {
    let timer = timer(400 * MILLISECOND);
    let fds = [(timer.as_raw_fd(), libc::POLLIN)];
    let start = Instant::now();
    assert_eq!(poll(&fds, 0), [0]);
    assert_eq!(poll(&fds, 5), [0]);
    assert_eq!(poll(&fds, -1), [libc::POLLIN]);
    assert!(start.elapsed() >= Duration::from_millis(400));
}

#[test]
fn sockets_and_pollables_wait_together() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let never = timer(HOUR);
    let fds = [
        (never.as_raw_fd(), libc::POLLIN),
        (listener.as_raw_fd(), libc::POLLIN),
    ];
    assert_eq!(poll(&fds, 0), [0, 0]);

    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    assert_eq!(poll(&fds, 5000), [0, libc::POLLIN]);
    let (server, _) = listener.accept().unwrap();
    client.write_all(b"hello").unwrap();
    let soon = timer(20 * MILLISECOND);
    let fds = [
        (soon.as_raw_fd(), libc::POLLIN),
        (never.as_raw_fd(), libc::POLLIN),
        (listener.as_raw_fd(), libc::POLLIN),
    ];
    assert_eq!(poll(&fds, 5000), [libc::POLLIN, 0, 0]);
    assert_eq!(
        poll(&[(server.as_raw_fd(), libc::POLLIN)], 5000),
        [libc::POLLIN]
    );
}

#[test]
fn a_poll_that_fails_leaves_it_usable() {
    let timer = timer(0);
    let mut polled = [
        libc::pollfd {
            fd: timer.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        },
        libc::pollfd {
            fd: 9999,
            events: libc::POLLIN,
            revents: 0,
        },
    ];
    // SAFETY: pointer and length are those of one array. The outcome for the
    // bad descriptor differs between versions of wasi-libc.
    unsafe { libc::poll(polled.as_mut_ptr(), 2, 0) };
    assert_eq!(
        poll(&[(timer.as_raw_fd(), libc::POLLIN)], 1000),
        [libc::POLLIN]
    );
}

#[test]
fn many_wait_at_once_and_each_is_told_apart() {
    let timers: Vec<PollableFd> = (0..1000)
        .map(|number| timer(if number % 7 == 3 { 0 } else { HOUR }))
        .collect();
    let fds: Vec<_> = timers
        .iter()
        .map(|timer| (timer.as_raw_fd(), libc::POLLIN))
        .collect();
    // Even a timer that is due takes the host a moment.
    for due in fds.iter().skip(3).step_by(7) {
        assert_eq!(poll(&[*due], 1000), [libc::POLLIN]);
    }
    for (number, events) in poll(&fds, 1000).into_iter().enumerate() {
        assert_eq!(events != 0, number % 7 == 3, "{number}");
    }
}

#[test]
fn other_calls_on_it_fail() {
    let timer = timer(0);
    // SAFETY: the buffers are of the given sizes; the descriptor is open.
    unsafe {
        let mut address: libc::sockaddr_storage = std::mem::zeroed();
        let mut length = size_of_val(&address) as libc::socklen_t;
        let pointer = (&raw mut address).cast();
        assert_eq!(
            libc::getsockname(timer.as_raw_fd(), pointer, &mut length),
            -1
        );
        assert_eq!(
            libc::getpeername(timer.as_raw_fd(), pointer, &mut length),
            -1
        );
        assert_eq!(libc::connect(timer.as_raw_fd(), pointer, length), -1);
        assert_eq!(libc::bind(timer.as_raw_fd(), pointer, length), -1);
        assert_eq!(libc::listen(timer.as_raw_fd(), 1), -1);
        assert_eq!(libc::shutdown(timer.as_raw_fd(), libc::SHUT_RD), -1);
        let mut buffer = [0u8; 8];
        let pointer = (&raw mut buffer).cast();
        assert_eq!(libc::read(timer.as_raw_fd(), pointer, 8), -1);
        assert_eq!(libc::write(timer.as_raw_fd(), pointer, 8), -1);
        assert_eq!(libc::recv(timer.as_raw_fd(), pointer, 8, 0), -1);
        assert_eq!(libc::send(timer.as_raw_fd(), pointer, 8, 0), -1);
        assert_eq!(libc::lseek(timer.as_raw_fd(), 0, libc::SEEK_SET), -1);
        assert_eq!(libc::isatty(timer.as_raw_fd()), 0);
        assert_eq!(libc::ioctl(timer.as_raw_fd(), libc::FIONBIO, pointer), -1);
        // What a wasi-libc with the proposed function tells.
        let flags = libc::fcntl(timer.as_raw_fd(), libc::F_GETFL);
        assert!(flags == -1 || flags & libc::O_NONBLOCK != 0, "{flags}");
        assert_eq!(libc::fcntl(timer.as_raw_fd(), libc::F_SETFL, 0), -1);
        let mut status: libc::stat = std::mem::zeroed();
        let told = libc::fstat(timer.as_raw_fd(), &mut status);
        assert!(told == -1 || status.st_mode & libc::S_IFMT == 0, "{told}");
    }
    assert_eq!(
        poll(&[(timer.as_raw_fd(), libc::POLLIN)], 1000),
        [libc::POLLIN]
    );
}

/// A pollable that counts its drops.
struct Counted {
    pollable: Pollable,
    drops: &'static AtomicUsize,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.drops.fetch_add(1, SeqCst);
    }
}

#[test]
fn closing_drops_the_pollable_once() {
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    let counted = || Counted {
        pollable: subscribe_duration(0),
        drops: &DROPS,
    };
    let handle = |counted: &Counted| counted.pollable.handle();

    drop(PollableFd::new(counted(), handle).unwrap());
    assert_eq!(DROPS.load(SeqCst), 1);

    let owned: OwnedFd = PollableFd::new(counted(), handle).unwrap().into();
    assert_eq!(DROPS.load(SeqCst), 1);
    drop(owned);
    assert_eq!(DROPS.load(SeqCst), 2);
}

#[test]
fn descriptors_are_used_again() {
    let first = timer(0).as_raw_fd();
    for _ in 0..10_000 {
        let again = timer(0);
        assert!(again.as_raw_fd() <= first + 1, "{}", again.as_raw_fd());
    }
    // SAFETY: the call reads nothing but the table.
    let closed = unsafe { BorrowedFd::borrow_raw(first) };
    assert!(closed.try_clone_to_owned().is_err());
}

#[test]
fn bindings_of_any_origin_will_do() {
    // What another bindings crate would have: a type of its own for the handle.
    struct Other(u32, #[allow(dead_code)] Pollable);
    let pollable = subscribe_instant(0);
    let other = Other(pollable.handle(), pollable);
    let fd = PollableFd::new(other, |other| other.0).unwrap();
    assert_eq!(
        poll(&[(fd.as_raw_fd(), libc::POLLIN)], 1000),
        [libc::POLLIN]
    );
}
