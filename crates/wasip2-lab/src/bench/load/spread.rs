//! Clients of a TCP echo that share a load, as those of a server do: there are
//! many, and each says something now and then.
//!
//! The messages are sent at times, and on connections, that are drawn beforehand,
//! and each one's time counts from when it was to be sent. So a server that
//! stands still has every message that should have come meanwhile count against
//! it, not only those for which its clients waited.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::Write;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::clients::{MESSAGE, PATIENCE, all, run};
use super::recorder::{Load, Recorder};
use super::tcp_echo::{exchange, open};

/// How long after this is begun the first message may be sent: by then everybody
/// is ready.
const LEAD: Duration = Duration::from_millis(50);

/// How often it is looked whether the last answers have come.
const LOOK: Duration = Duration::from_millis(5);

/// A message that is to be sent.
struct Due {
    after: Duration,
    connection: usize,
}

/// How long before its time a message is no more slept for: a thread that sleeps
/// wakes up that much too late.
const EARLY: Duration = Duration::from_micros(100);

/// When each message that is not answered yet was to be sent.
type Unanswered = Arc<Mutex<VecDeque<Instant>>>;

/// Where messages are sent: a connection's other handle.
type Sender = (std::net::TcpStream, Unanswered);

/// Has `connections` share `rate` messages a second, while `beside` others
/// exchange messages without a pause. All connections are given back, open.
pub fn measure(
    address: SocketAddr,
    connections: usize,
    rate: u32,
    beside: usize,
    seconds: f64,
) -> Result<(Load, Vec<TcpStream>)> {
    run(async {
        let (mut busy, unused) = open(address, beside.max(1), connections).await?;
        // Without any beside, the one that the others were opened by is idle.
        busy.truncate(beside);

        let begin = Instant::now() + LEAD;
        let recorder = Rc::new(RefCell::new(Recorder::at(begin, seconds)));
        let answered = Rc::new(Cell::new(0));
        let mut receivers: JoinSet<Result<Infallible>> = JoinSet::new();
        let (mut senders, mut kept) = (Vec::new(), Vec::new());
        for stream in unused {
            let stream = stream.into_std()?;
            let unanswered = Unanswered::default();
            senders.push((stream.try_clone()?, unanswered.clone()));
            kept.push(stream.try_clone()?);
            let mut stream = TcpStream::from_std(stream)?;
            let (recorder, answered) = (recorder.clone(), answered.clone());
            receivers.spawn_local(async move {
                loop {
                    answer(&mut stream).await?;
                    let begun = unanswered
                        .lock()
                        .expect("nobody panics with it")
                        .pop_front();
                    recorder
                        .borrow_mut()
                        .record(begun.context("an answer came to no message")?);
                    answered.set(answered.get() + 1);
                }
            });
        }

        let schedule = schedule(connections, rate, 1.1 * seconds);
        let sent = schedule.len();
        let sender = std::thread::spawn(move || send(&schedule, &mut senders, begin));

        let exchanged = Rc::new(Cell::new(0u64));
        let mut clients: JoinSet<Result<TcpStream>> = JoinSet::new();
        for mut stream in busy {
            let (recorder, exchanged) = (recorder.clone(), exchanged.clone());
            clients.spawn_local(async move {
                while recorder.borrow().goes_on() {
                    exchange(&mut stream).await?;
                    if recorder.borrow().is_warm() {
                        exchanged.set(exchanged.get() + 1);
                    }
                }
                Ok(stream)
            });
        }
        let _busy = all(clients, seconds).await?;

        let limit = begin + Duration::from_secs_f64(1.1 * seconds) + PATIENCE;
        while answered.get() < sent {
            // One that ends has failed.
            if let Some(ended) = receivers.try_join_next() {
                match ended?? {}
            }
            ensure!(
                Instant::now() < limit,
                "{} of {sent} messages were not answered within {} s",
                sent - answered.get(),
                PATIENCE.as_secs()
            );
            tokio::time::sleep(LOOK).await;
        }
        sender.join().expect("the sender does not panic")?;

        let mut load = recorder.borrow().finish();
        load.total += exchanged.get();
        load.beside = (beside > 0).then(|| exchanged.get() as f64 / seconds);
        receivers.shutdown().await;
        let kept = kept.into_iter().map(TcpStream::from_std);
        Ok((load, kept.collect::<Result<_, _>>()?))
    })
}

/// When to send what where, for `seconds`: the times between messages are those
/// of clients that know nothing of each other. Every run has the same.
fn schedule(connections: usize, rate: u32, seconds: f64) -> Vec<Due> {
    let mut draw = Draw(0x5eed);
    let mut schedule = Vec::new();
    let mut after = 0.0;
    loop {
        after -= (1.0 - draw.next()).ln() / f64::from(rate);
        if after >= seconds {
            return schedule;
        }
        schedule.push(Due {
            after: Duration::from_secs_f64(after),
            connection: (draw.next() * connections as f64) as usize,
        });
    }
}

/// Numbers from 0 to 1 that nobody would guess: SplitMix64.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Sends every message at its time, on a thread of its own: an event loop sleeps
/// for whole milliseconds.
fn send(schedule: &[Due], senders: &mut [Sender], begin: Instant) -> Result<()> {
    for due in schedule {
        let at = begin + due.after;
        let left = at.saturating_duration_since(Instant::now());
        std::thread::sleep(left.saturating_sub(EARLY));
        while Instant::now() < at {
            std::hint::spin_loop();
        }
        let (stream, unanswered) = &mut senders[due.connection];
        unanswered
            .lock()
            .expect("nobody panics with it")
            .push_back(at);
        stream
            .write_all(&MESSAGE)
            .context("a message could not be sent")?;
    }
    Ok(())
}

/// Receives one answer.
async fn answer(stream: &mut TcpStream) -> Result<()> {
    let mut answer = [0; MESSAGE.len()];
    stream.read_exact(&mut answer).await?;
    ensure!(answer == MESSAGE, "another message came back");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_spread_evenly_over_time_and_connections() {
        let schedule = schedule(200, 1000, 10.0);
        assert!(
            (9_500..10_500).contains(&schedule.len()),
            "{}",
            schedule.len()
        );
        assert!(schedule.is_sorted_by_key(|due| due.after));
        let mut each = [0; 200];
        for due in &schedule {
            each[due.connection] += 1;
        }
        assert!(each.iter().all(|&messages| (10..150).contains(&messages)));
        let early = schedule.iter().filter(|due| due.after.as_secs() < 5);
        assert!((4_500..5_500).contains(&early.count()));
    }

    #[test]
    fn an_echo_answers_every_message() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                std::thread::spawn(move || {
                    std::io::copy(&mut stream.try_clone().unwrap(), &mut stream)
                });
            }
        });
        let (load, kept) = measure(address, 8, 1000, 2, 0.2).unwrap();
        assert_eq!(kept.len(), 8);
        assert!((100..300).contains(&load.operations), "{load:?}");
        assert!(load.beside.unwrap() > 100.0, "{load:?}");
        assert!(load.p50 <= load.p90 && load.p90 <= load.p99);
    }
}
