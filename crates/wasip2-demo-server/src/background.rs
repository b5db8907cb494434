//! A server on a thread of its own, for as long as something holds it.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread::JoinHandle;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct Background {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Background {
    /// Has `serve` serve on a free port of 127.0.0.1.
    pub fn start<F>(serve: impl FnOnce(TcpListener) -> F + Send + 'static) -> io::Result<Background>
    where
        F: Future<Output = io::Result<()>>,
    {
        Background::start_at((Ipv4Addr::LOCALHOST, 0).into(), serve)
    }

    /// Has `serve` serve on `address`.
    pub fn start_at<F>(
        address: SocketAddr,
        serve: impl FnOnce(TcpListener) -> F + Send + 'static,
    ) -> io::Result<Background>
    where
        F: Future<Output = io::Result<()>>,
    {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = std::thread::Builder::new()
            .name("server-in-background".into())
            .spawn(move || {
                runtime.block_on(async {
                    let listener = TcpListener::from_std(listener)?;
                    // Open connections end with the runtime, so a client that
                    // keeps one alive does not keep the server up.
                    tokio::select! {
                        result = serve(listener) => result,
                        _ = stopped => Ok(()),
                    }
                })
            })?;
        Ok(Background {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
