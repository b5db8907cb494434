//! Is linked with a wasi-libc whose `poll(2)` forgets what is ready, and prints
//! what tokio says of it.

use tokio::io::wasi::AsyncPollable;
use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::io::poll::Pollable;

/// Stands in for the function that sets a descriptor's events.
#[unsafe(no_mangle)]
extern "C" fn __wrap___wasilibc_poll_ready(_state: *mut u8, _events: i16) {}

#[tokio::main]
async fn main() {
    for _ in 0..2 {
        match AsyncPollable::new(subscribe_duration(0), Pollable::handle) {
            Ok(_) => println!("done"),
            Err(error) => println!("{:?}: {error}", error.kind()),
        }
    }
}
