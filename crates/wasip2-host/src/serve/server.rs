//! Listens, and has every request answered.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use wasmtime_wasi_http::io::TokioIo;

use wasip2_ground::{Console, interrupt};

use super::clients::{Admitted, Clients, Watched};
use super::exchange;
use super::instances::Instances;

/// How long requests may go on after Ctrl-C.
pub const GRACE: Duration = Duration::from_secs(5);

/// How many bytes the system takes for a client before it has sent them. By
/// itself it takes megabytes, which a guest makes for each client that reads
/// nothing.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 128 << 10;

/// How many connections may be there that are not yet accepted, as far as the
/// system allows it. Whoever finds no room tries again after a second: with the
/// standard library's 128, that is anybody who comes with a few others.
#[cfg(unix)]
const BACKLOG: i32 = 4096;

/// How long to wait where a connection could not be accepted, for want of
/// descriptors most often.
const PAUSE: Duration = Duration::from_millis(50);

/// A server that listens.
pub struct Server {
    listener: StdListener,
    address: SocketAddr,
    instances: Arc<Instances>,
    /// Those of other components, to which these may send.
    others: Vec<Arc<Instances>>,
    clients: Arc<Clients>,
    console: Console,
}

impl Server {
    /// Listens on `address`.
    pub fn bind(
        address: SocketAddr,
        instances: Instances,
        others: Vec<Arc<Instances>>,
        clients: Arc<Clients>,
        console: Console,
    ) -> Result<Server> {
        let listener = StdListener::bind(address)
            .with_context(|| format!("{address} (--addr) cannot be listened on"))?;
        listener.set_nonblocking(true)?;
        #[cfg(unix)]
        let _ = rustix::net::listen(&listener, BACKLOG);
        Ok(Server {
            address: listener.local_addr()?,
            listener,
            instances: Arc::new(instances),
            others,
            clients,
            console,
        })
    }

    /// Serves until Ctrl-C. A guest that still computes then is left to itself,
    /// and ends with the process.
    pub fn run(self) -> Result<Arc<Instances>> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_io()
            .enable_time()
            .build()
            .context("the host's event loop could not be made")?;
        let (stop, stopped) = watch::channel(false);
        interrupt::on_ctrl_c(move || {
            stop.send_replace(true);
        })?;
        let (instances, clients) = (self.instances.clone(), self.clients.clone());
        runtime.block_on(self.serve(stopped))?;
        // What goes on after its response ends here, with all else.
        runtime.shutdown_timeout(Duration::from_millis(100));
        instances
            .statistics
            .slow_clients
            .store(clients.given_up.load(Ordering::Relaxed), Ordering::Relaxed);
        Ok(instances)
    }

    async fn serve(self, mut stopped: watch::Receiver<bool>) -> Result<()> {
        let listener = TcpListener::from_std(self.listener)?;
        let instances = self.instances;
        for instances in self.others.into_iter().chain([instances.clone()]) {
            tokio::spawn(async move { instances.drop_idle().await });
        }
        let clients = self.clients;
        tokio::spawn({
            let clients = clients.clone();
            async move { clients.watch().await }
        });
        println!("http://{}/", self.address);

        // Every connection has a sender; none are left when all have ended.
        let (open, mut all_closed) = mpsc::channel::<Infallible>(1);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stopped.wait_for(|stopped| *stopped) => break,
            };
            let Ok((stream, _)) = accepted else {
                clients.make_room();
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let admitted = tokio::select! {
                admitted = clients.admit() => admitted,
                _ = stopped.wait_for(|stopped| *stopped) => break,
            };
            let connection = serve_connection(
                stream,
                admitted,
                clients.clone(),
                self.address,
                instances.clone(),
                self.console,
                stopped.clone(),
            );
            let open = open.clone();
            tokio::spawn(async move {
                connection.await;
                drop(open);
            });
        }
        drop(open);
        let _ = tokio::time::timeout(GRACE, all_closed.recv()).await;
        Ok(())
    }
}

async fn serve_connection(
    stream: TcpStream,
    admitted: Admitted,
    clients: Arc<Clients>,
    address: SocketAddr,
    instances: Arc<Instances>,
    console: Console,
    mut stopped: watch::Receiver<bool>,
) {
    let _ = stream.set_nodelay(true);
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT);
    let client = &admitted.client;
    let service = service_fn(|request| async {
        let response =
            exchange::answer(request, client, address, &instances, &clients, console).await;
        Ok::<_, Infallible>(response)
    });
    let stream = TokioIo::new(Watched {
        stream,
        client: client.clone(),
    });
    let mut connection = pin!(http1::Builder::new().serve_connection(stream, service));
    // An error is the client's, or of a body that was told of elsewhere.
    let stopped = async move { stopped.wait_for(|stopped| *stopped).await.is_ok() };
    tokio::select! {
        _ = connection.as_mut() => return,
        () = client.given_up() => return,
        _ = stopped => {}
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        _ = connection => {}
        () = client.given_up() => {}
    }
}
