//! An event loop on mio itself: a listener, its streams and datagrams.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream, UdpSocket};
use mio::{Events, Interest, Poll, Token, Waker};

const LISTENER: Token = Token(0);
const DATAGRAMS: Token = Token(1);
const WAKER: Token = Token(2);

fn main() -> std::io::Result<()> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(64);
    let mut listener = TcpListener::bind("127.0.0.1:0".parse().unwrap())?;
    let address = listener.local_addr()?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut datagrams = UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    poll.registry()
        .register(&mut datagrams, DATAGRAMS, Interest::READABLE)?;
    let sender = std::net::UdpSocket::bind("127.0.0.1:0")?;
    sender.send_to(b"datagram", datagrams.local_addr()?)?;
    let waker = Waker::new(poll.registry(), WAKER)?;
    waker.wake()?;

    let mut streams: HashMap<Token, (TcpStream, Vec<u8>)> = HashMap::new();
    let mut next = 10;
    for _ in 0..20 {
        let mut stream = TcpStream::connect(address)?;
        let token = Token(next);
        next += 1;
        poll.registry()
            .register(&mut stream, token, Interest::WRITABLE | Interest::READABLE)?;
        streams.insert(token, (stream, Vec::new()));
    }
    let clients: Vec<Token> = streams.keys().copied().collect();
    let (mut woken, mut datagram, mut done) = (false, false, 0);
    let started = Instant::now();
    while done < clients.len() || !woken || !datagram {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "{done} of 20 streams are done"
        );
        poll.poll(&mut events, Some(Duration::from_secs(5)))?;
        for event in &events {
            match event.token() {
                WAKER => woken = true,
                DATAGRAMS => {
                    let mut buffer = [0; 20];
                    let Ok((length, _)) = datagrams.recv_from(&mut buffer) else {
                        continue;
                    };
                    checks::equal("the datagram", &buffer[..length], b"datagram");
                    datagram = true;
                }
                LISTENER => loop {
                    let (mut stream, _) = match listener.accept() {
                        Ok(accepted) => accepted,
                        Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                        Err(error) => return Err(error),
                    };
                    poll.registry().register(
                        &mut stream,
                        Token(next),
                        Interest::READABLE | Interest::WRITABLE,
                    )?;
                    streams.insert(Token(next), (stream, Vec::new()));
                    next += 1;
                },
                token => {
                    let client = clients.contains(&token);
                    let Some((stream, received)) = streams.get_mut(&token) else {
                        continue;
                    };
                    if client && event.is_writable() && received.is_empty() {
                        let text = format!("client {}", token.0);
                        match stream.write(text.as_bytes()) {
                            Ok(length) => {
                                checks::equal("what was written", length, text.len());
                                poll.registry()
                                    .reregister(stream, token, Interest::READABLE)?;
                                received.push(b'>');
                            }
                            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                            Err(error) => return Err(error),
                        }
                    }
                    let mut buffer = [0; 100];
                    loop {
                        match stream.read(&mut buffer) {
                            Ok(0) => {
                                streams.remove(&token);
                                break;
                            }
                            Ok(length) if client => {
                                received.extend_from_slice(&buffer[..length]);
                                let expected = format!(">client {}", token.0);
                                if received.len() == expected.len() {
                                    checks::equal(
                                        "an echo",
                                        received.as_slice(),
                                        expected.as_bytes(),
                                    );
                                    done += 1;
                                }
                            }
                            Ok(length) => received.extend_from_slice(&buffer[..length]),
                            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                            Err(error) => return Err(error),
                        }
                    }
                    let Some((stream, received)) = streams.get_mut(&token) else {
                        continue;
                    };
                    if !client && !received.is_empty() {
                        match stream.write(received) {
                            Ok(length) => drop(received.drain(..length)),
                            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                            Err(error) => return Err(error),
                        }
                    }
                }
            }
        }
    }
    checks::that("the waker", woken);
    checks::finish();
    Ok(())
}
