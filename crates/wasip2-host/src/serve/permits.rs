//! How many may be at something at once, the newest first.
//!
//! Where more want a permit than there are, somebody waits for longer than is
//! good, whatever the order. Whoever came last gets the next one: those that
//! fill the queue, as slow clients do, stand behind those that come after them,
//! and do not keep them waiting.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::oneshot;

/// A number of permits.
#[derive(Debug)]
pub struct Permits {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    free: usize,
    /// Those that wait, the newest at the end.
    waiting: Vec<oneshot::Sender<Permit>>,
}

/// One of them, which is given back with this.
pub struct Permit(Option<Arc<Permits>>);

impl Permits {
    /// So many.
    pub fn new(number: usize) -> Permits {
        Permits {
            state: Mutex::new(State {
                free: number,
                waiting: Vec::new(),
            }),
        }
    }

    /// One, if there is one that nobody waits for.
    pub fn try_take(self: &Arc<Self>) -> Option<Permit> {
        let mut state = self.locked();
        state.free = state.free.checked_sub(1)?;
        Some(Permit(Some(self.clone())))
    }

    /// One, when there is one.
    pub async fn take(self: &Arc<Self>) -> Permit {
        let given = {
            if let Some(permit) = self.try_take() {
                return permit;
            }
            let mut state = self.locked();
            let (sender, given) = oneshot::channel();
            state.waiting.push(sender);
            given
        };
        given.await.expect("who waits is kept until it gets one")
    }

    /// How many wait for one.
    pub fn wanted(&self) -> usize {
        let mut state = self.locked();
        state.waiting.retain(|sender| !sender.is_closed());
        state.waiting.len()
    }

    fn give_back(self: &Arc<Self>) {
        loop {
            let newest = {
                let mut state = self.locked();
                match state.waiting.pop() {
                    Some(newest) => newest,
                    None => {
                        state.free += 1;
                        return;
                    }
                }
            };
            match newest.send(Permit(Some(self.clone()))) {
                Ok(()) => return,
                // It does not wait any more.
                Err(mut permit) => permit.0 = None,
            }
        }
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing that holds this panics")
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(permits) = self.0.take() {
            permits.give_back();
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Permit")
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll(future: std::pin::Pin<&mut impl Future<Output = Permit>>) -> Poll<Permit> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn the_newest_is_first_and_who_waits_no_more_is_left_out() {
        let permits = Arc::new(Permits::new(1));
        let Poll::Ready(first) = poll(pin!(permits.take())) else {
            panic!("there is one")
        };
        let mut old = pin!(permits.take());
        assert!(poll(old.as_mut()).is_pending());
        let mut new = pin!(permits.take());
        assert!(poll(new.as_mut()).is_pending());
        {
            let mut gone = pin!(permits.take());
            assert!(poll(gone.as_mut()).is_pending());
            assert_eq!(permits.wanted(), 3);
        }
        drop(first);
        assert!(poll(old.as_mut()).is_pending());
        let Poll::Ready(second) = poll(new.as_mut()) else {
            panic!("it is the newest")
        };
        assert_eq!(permits.wanted(), 1);
        drop(second);
        assert!(poll(old.as_mut()).is_ready());
        // It was given back with that.
        assert!(poll(pin!(permits.take())).is_ready());
    }
}
