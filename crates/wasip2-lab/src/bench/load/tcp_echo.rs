//! Clients of a TCP echo, most of which may be idle.

use std::cell::RefCell;
use std::io::Write;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::clients::{MESSAGE, QUIT, SET_UP, all, in_time, run};
use super::recorder::{Load, Recorder};

/// How many connections are opened at once: less than fit in a listener's
/// queue.
const AT_ONCE: usize = 100;

/// Long enough that a server which has nothing else to do waits.
const PAUSE: Duration = Duration::from_millis(1);

/// Has `active` connections exchange messages while `idle` others do nothing;
/// with a `pause` before each message, if that is wanted.
///
/// The idle ones are given back, open: a server that is to end has nothing to
/// do with a thousand closed connections first.
pub fn measure(
    address: SocketAddr,
    active: usize,
    idle: usize,
    pause: bool,
    seconds: f64,
) -> Result<(Load, Vec<TcpStream>)> {
    run(async {
        let (used, unused) = open(address, active, idle).await?;
        let recorder = Rc::new(RefCell::new(Recorder::new(seconds)));
        let mut clients = JoinSet::new();
        for mut stream in used {
            let recorder = recorder.clone();
            clients.spawn_local(async move {
                while recorder.borrow().goes_on() {
                    if pause {
                        tokio::time::sleep(PAUSE).await;
                    }
                    let begun = Instant::now();
                    exchange(&mut stream).await?;
                    recorder.borrow_mut().record(begun);
                }
                Ok::<_, anyhow::Error>(stream)
            });
        }
        let _used = all(clients, seconds).await?;
        let load = recorder.borrow().finish();
        Ok((load, unused))
    })
}

/// Opens connections that are used, each of which has exchanged a message, and
/// others that are not.
pub async fn open(
    address: SocketAddr,
    active: usize,
    idle: usize,
) -> Result<(Vec<TcpStream>, Vec<TcpStream>)> {
    let mut used = Vec::new();
    used.push(connect(address).await?);
    let set_up = async {
        let mut unused = Vec::with_capacity(idle);
        while unused.len() < idle {
            let mut connecting = JoinSet::new();
            for _ in 0..AT_ONCE.min(idle - unused.len()) {
                connecting.spawn_local(connect(address));
            }
            while let Some(connected) = connecting.join_next().await {
                unused.push(connected??);
            }
            // Connections are accepted in their order, and this exchange
            // gives the server time to.
            exchange(&mut used[0]).await?;
        }
        while used.len() < active {
            used.push(connect(address).await?);
        }
        for stream in &mut used {
            exchange(stream).await?;
        }
        Ok::<_, anyhow::Error>(unused)
    };
    let unused = tokio::time::timeout(SET_UP, set_up)
        .await
        .with_context(|| format!("{idle} idle connections took over {SET_UP:?} to set up"))??;
    Ok((used, unused))
}

async fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = in_time("a connection", TcpStream::connect(address)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

pub async fn exchange(stream: &mut TcpStream) -> Result<()> {
    let mut answer = [0; MESSAGE.len()];
    stream.write_all(&MESSAGE).await?;
    stream.read_exact(&mut answer).await?;
    ensure!(answer == MESSAGE, "another message came back");
    Ok(())
}

/// Ends the server.
pub fn quit(address: SocketAddr) -> Result<()> {
    std::net::TcpStream::connect(address)?.write_all(QUIT)?;
    Ok(())
}
