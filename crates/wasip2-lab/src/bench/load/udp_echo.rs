//! Clients of a UDP echo.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use super::clients::{MESSAGE, QUIT, all, run};
use super::recorder::{Load, Recorder};

/// After how long a datagram counts as lost.
const LOST: Duration = Duration::from_secs(1);

/// How many may be lost one after the other.
const MOST_LOST: usize = 5;

/// Has `clients` exchange datagrams with the server.
pub fn measure(address: SocketAddr, clients: usize, seconds: f64) -> Result<(Load, ())> {
    run(async {
        let recorder = Rc::new(RefCell::new(Recorder::new(seconds)));
        let mut tasks = JoinSet::new();
        for _ in 0..clients {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            socket.connect(address).await?;
            let recorder = recorder.clone();
            tasks.spawn_local(async move {
                while recorder.borrow().goes_on() {
                    let begun = Instant::now();
                    exchange(&socket).await?;
                    recorder.borrow_mut().record(begun);
                }
                Ok::<_, anyhow::Error>(())
            });
        }
        all(tasks, seconds).await?;
        Ok((recorder.borrow().finish(), ()))
    })
}

/// One datagram there and back; a lost one is sent again and its time counts.
async fn exchange(socket: &UdpSocket) -> Result<()> {
    let mut answer = [0; 2 * MESSAGE.len()];
    for _ in 0..MOST_LOST {
        socket.send(&MESSAGE).await?;
        if let Ok(length) = tokio::time::timeout(LOST, socket.recv(&mut answer)).await {
            ensure!(answer[..length?] == MESSAGE, "another message came back");
            return Ok(());
        }
    }
    bail!("{MOST_LOST} datagrams in a row were lost")
}

/// Ends the server.
pub fn quit(address: SocketAddr) -> Result<()> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.send_to(QUIT, address)?;
    Ok(())
}
