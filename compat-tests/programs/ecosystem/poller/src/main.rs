//! polling's `Poller` serves many connections at once.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use polling::{Event, Events, Poller};

const LISTENER: usize = 0;

/// Reads what there is; `None` at the end of the stream.
fn read(stream: &mut TcpStream) -> std::io::Result<Option<Vec<u8>>> {
    let mut received = Vec::new();
    let mut buffer = [0; 1000];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(None),
            Ok(length) => received.extend_from_slice(&buffer[..length]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Some(received)),
            Err(error) => return Err(error),
        }
    }
}

fn main() -> std::io::Result<()> {
    let poller = Poller::new()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    unsafe { poller.add(&listener, Event::readable(LISTENER))? };

    let mut streams: HashMap<usize, TcpStream> = HashMap::new();
    let mut received: HashMap<usize, Vec<u8>> = HashMap::new();
    for key in 1..=20 {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(format!("client {key}").as_bytes())?;
        stream.set_nonblocking(true)?;
        unsafe { poller.add(&stream, Event::readable(key))? };
        streams.insert(key, stream);
        received.insert(key, Vec::new());
    }
    let (mut next, mut done) = (100, 0);
    let mut events = Events::new();
    let started = Instant::now();
    while done < 20 {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "{done} of 20 are done"
        );
        events.clear();
        poller.wait(&mut events, Some(Duration::from_secs(5)))?;
        for event in events.iter() {
            if event.key == LISTENER {
                while let Ok((stream, _)) = listener.accept() {
                    stream.set_nonblocking(true)?;
                    unsafe { poller.add(&stream, Event::readable(next))? };
                    streams.insert(next, stream);
                    next += 1;
                }
                poller.modify(&listener, Event::readable(LISTENER))?;
                continue;
            }
            let stream = streams.get_mut(&event.key).expect("a stream");
            let Some(data) = read(stream)? else { continue };
            match received.get_mut(&event.key) {
                None => {
                    // On WASI the first write to a new socket would block.
                    stream.set_nonblocking(false)?;
                    stream.write_all(&data)?;
                    stream.set_nonblocking(true)?;
                }
                Some(all) => {
                    all.extend(data);
                    if all.len() == format!("client {}", event.key).len() {
                        let expected = format!("client {}", event.key).into_bytes();
                        checks::equal("an echo", &*all, &expected);
                        done += 1;
                    }
                }
            }
            poller.modify(&*stream, Event::readable(event.key))?;
        }
    }
    poller.notify()?;
    events.clear();
    checks::equal("a notification", poller.wait(&mut events, None)?, 0);
    let started = Instant::now();
    poller.wait(&mut events, Some(Duration::from_millis(50)))?;
    checks::that("a timeout", started.elapsed() >= Duration::from_millis(50));
    checks::finish();
    Ok(())
}
