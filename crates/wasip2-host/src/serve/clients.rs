//! Who keeps the server waiting, and for how long.
//!
//! A connection is watched for as long as it lives. The server waits for a
//! client that has not yet sent a whole head, that owes bytes of a request's
//! body which a guest wants to read, or that does not take what it is sent.
//! Who keeps it waiting for longer than the limits allow is given up; sooner,
//! where there is no room for somebody else.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::permits::{Permit, Permits};

/// How often is looked for clients to give up.
const ROUND: Duration = Duration::from_millis(250);

/// How long a client may have kept an instance waiting though another request
/// has none.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long to wait for room before somebody has to go for it.
const PAUSE: Duration = Duration::from_millis(50);

/// How long clients may keep the server waiting, and how many there may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Until the head of a request is whole, counted from the end of the
    /// request before.
    pub head: Duration,
    /// Between two pieces of a body, either way.
    pub stall: Duration,
    /// Connections at once.
    pub connections: usize,
}

/// All clients that are connected.
#[derive(Debug)]
pub struct Clients {
    limits: Limits,
    connected: Mutex<HashMap<u64, Arc<Client>>>,
    next: AtomicU64,
    room: Arc<Semaphore>,
    /// When was looked last for clients that keep instances waiting.
    looked: Mutex<Instant>,
    /// How many were given up.
    pub given_up: AtomicU64,
}

/// One connection.
#[derive(Debug)]
pub struct Client {
    state: Mutex<State>,
    /// Told when it is given up.
    closing: Notify,
}

/// What the server waits for it to do.
#[derive(Clone, Copy, Debug)]
enum Direction {
    Send,
    Take,
}

#[derive(Debug)]
struct State {
    /// Since when it owes something, by direction.
    since: [Option<Instant>; 2],
    /// How long it has kept the present exchange waiting, before that.
    waited: Duration,
    /// The exchange that has an instance.
    exchange: Option<Arc<Notify>>,
}

impl State {
    fn waiting(&self, now: Instant) -> Option<Duration> {
        let since = self.since.iter().flatten().min()?;
        Some(now.saturating_duration_since(*since))
    }
}

impl Client {
    fn new() -> Client {
        let mut state = State {
            since: [None; 2],
            waited: Duration::ZERO,
            exchange: None,
        };
        state.since[Direction::Send as usize] = Some(Instant::now());
        Client {
            state: Mutex::new(state),
            closing: Notify::new(),
        }
    }

    /// The head of a request is there: now the client waits.
    pub fn asked(&self) {
        let mut state = self.locked();
        state.since = [None; 2];
        state.waited = Duration::ZERO;
    }

    /// An instance answers it. The exchange is told what is given back when
    /// the client is given up.
    pub fn exchange(&self) -> Arc<Notify> {
        let given_up = Arc::new(Notify::new());
        self.locked().exchange = Some(given_up.clone());
        given_up
    }

    /// The instance of that exchange is free again.
    pub fn released(&self, exchange: &Arc<Notify>) {
        let mut state = self.locked();
        if (state.exchange.as_ref()).is_some_and(|mine| Arc::ptr_eq(mine, exchange)) {
            state.exchange = None;
        }
    }

    /// Its response is sent, or will not be: the next head is waited for.
    fn answered(&self) {
        let mut state = self.locked();
        state.exchange = None;
        state.waited = Duration::ZERO;
        state.since = [None; 2];
        state.since[Direction::Send as usize] = Some(Instant::now());
    }

    /// Waits until it is given up.
    pub async fn given_up(&self) {
        self.closing.notified().await;
    }

    fn owes<T>(&self, direction: Direction, poll: Poll<T>) -> Poll<T> {
        let mut state = self.locked();
        let since = &mut state.since[direction as usize];
        match (&poll, *since) {
            (Poll::Pending, None) => *since = Some(Instant::now()),
            (Poll::Ready(_), Some(then)) => {
                *since = None;
                state.waited += then.elapsed();
            }
            _ => {}
        }
        poll
    }

    fn give_up(&self) {
        self.closing.notify_one();
        if let Some(exchange) = self.locked().exchange.take() {
            exchange.notify_one();
        }
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing that holds this panics")
    }
}

impl Clients {
    /// None yet.
    pub fn new(limits: Limits) -> Clients {
        Clients {
            limits,
            connected: Mutex::default(),
            next: AtomicU64::new(0),
            room: Arc::new(Semaphore::new(limits.connections)),
            looked: Mutex::new(Instant::now()),
            given_up: AtomicU64::new(0),
        }
    }

    /// Takes a new client in; where there is no room, another one goes that
    /// has asked for nothing, or waits until one has gone.
    pub async fn admit(self: &Arc<Self>) -> Admitted {
        let room = loop {
            if let Ok(room) = self.room.clone().try_acquire_owned() {
                break room;
            }
            self.make_room();
            let room = tokio::time::timeout(PAUSE, self.room.clone().acquire_owned());
            if let Ok(room) = room.await {
                break room.expect("it is never closed");
            }
        };
        let client = Arc::new(Client::new());
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.connected().insert(number, client.clone());
        Admitted {
            client,
            number,
            clients: self.clone(),
            _room: room,
        }
    }

    /// A permit of `permits`. While there is none, those go who have kept an
    /// instance waiting for the longest time.
    pub async fn acquire(&self, permits: &Arc<Permits>) -> Permit {
        let mut permit = pin!(permits.take());
        loop {
            if let Ok(permit) = tokio::time::timeout(PAUSE, permit.as_mut()).await {
                return permit;
            }
            // One of those that wait looks for all of them.
            let due = {
                let mut looked = self.looked.lock().expect("nothing in here panics");
                let due = looked.elapsed() >= PAUSE;
                if due {
                    *looked = Instant::now();
                }
                due
            };
            if due {
                self.free_instances(permits.wanted());
            }
        }
    }

    /// Gives those up that keep the server waiting for too long, for ever.
    pub async fn watch(&self) {
        loop {
            tokio::time::sleep(ROUND).await;
            let now = Instant::now();
            let over: Vec<Arc<Client>> = self
                .connected()
                .values()
                .filter(|client| {
                    let state = client.locked();
                    let limit = match state.exchange {
                        None => self.limits.head,
                        Some(_) => self.limits.stall,
                    };
                    state.waiting(now).is_some_and(|waiting| waiting > limit)
                })
                .cloned()
                .collect();
            over.iter().for_each(|client| self.give_up(client));
        }
    }

    /// Gives one up that has asked for nothing, or else one that keeps an
    /// instance waiting.
    pub fn make_room(&self) {
        let idle = self.by_time(|state, now| match state.exchange {
            None => state.waiting(now),
            Some(_) => None,
        });
        match idle.iter().max_by_key(|(time, _)| *time) {
            Some((_, client)) => self.give_up(client),
            None => self.free_instances(1),
        }
    }

    /// Gives one up that keeps an instance waiting.
    pub fn free_an_instance(&self) {
        self.free_instances(1);
    }

    /// Gives those up that have kept their instances waiting for the longest
    /// time, `number` of them at most.
    fn free_instances(&self, number: usize) {
        let mut slow = self.by_time(|state, now| {
            state.exchange.as_ref()?;
            let waited = state.waited + state.waiting(now)?;
            (waited > PATIENCE).then_some(waited)
        });
        slow.sort_by_key(|(time, _)| Reverse(*time));
        for (_, client) in slow.iter().take(number) {
            self.give_up(client);
        }
    }

    /// Those that have a `time`, with it.
    fn by_time(
        &self,
        time: impl Fn(&State, Instant) -> Option<Duration>,
    ) -> Vec<(Duration, Arc<Client>)> {
        let now = Instant::now();
        let connected = self.connected();
        let times = connected
            .values()
            .filter_map(|client| Some((time(&client.locked(), now)?, client.clone())));
        times.collect()
    }

    fn give_up(&self, client: &Client) {
        self.given_up.fetch_add(1, Ordering::Relaxed);
        // It is not looked at again before it is gone.
        client.locked().since = [None; 2];
        client.give_up();
    }

    fn connected(&self) -> MutexGuard<'_, HashMap<u64, Arc<Client>>> {
        self.connected
            .lock()
            .expect("nothing that holds this panics")
    }
}

/// A client that has its place until this is dropped.
#[derive(Debug)]
pub struct Admitted {
    pub client: Arc<Client>,
    number: u64,
    clients: Arc<Clients>,
    _room: OwnedSemaphorePermit,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.clients.connected().remove(&self.number);
    }
}

/// Kept with a response's body: when both are gone, the client may ask again.
#[derive(Debug)]
pub struct Answering(pub Arc<Client>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answered();
    }
}

/// A request's body. The client owes what a guest waits for.
#[derive(Debug)]
pub struct ClientBody {
    pub body: Incoming,
    pub client: Arc<Client>,
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        self.client.owes(Direction::Send, frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection. The client owes that it takes what it is sent.
#[derive(Debug)]
pub struct Watched {
    pub stream: TcpStream,
    pub client: Arc<Client>,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.client.owes(Direction::Take, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, buffers);
        self.client.owes(Direction::Take, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
