//! What every host of WASI 0.2 should do, one case after the other that the
//! arguments name: what a host does not do costs that case and no other.

use std::error::Error;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::try_join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::{interval, sleep, timeout};

type Done = Result<String, Box<dyn Error>>;

/// How long a case may take.
const LIMIT: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() {
    let mut failed = false;
    for case in std::env::args().skip(1) {
        let said = match timeout(LIMIT, run(&case)).await {
            Ok(Ok(said)) => said,
            Ok(Err(error)) => {
                failed = true;
                format!("FAILED: {error}")
            }
            Err(_) => {
                failed = true;
                "FAILED: it does not end".to_owned()
            }
        };
        println!("{case}: {said}");
    }
    if failed {
        std::process::exit(1);
    }
}

async fn run(case: &str) -> Done {
    match case {
        "timers" => timers().await,
        "interval" => ticks().await,
        "tcp" => tcp(16 * 1024).await,
        "tcp-large" => tcp(1 << 20).await,
        "tcp-half-close" => half_close().await,
        "tcp-refused" => refused().await,
        "tcp-idle" => idle().await,
        "udp" => udp().await,
        "names" => names("localhost").await,
        "no-such-name" => names("no-such-name.invalid").await,
        "file-read" => file_read().await,
        "file-write" => file_write().await,
        "http" => http().await,
        "http-at-once" => http_at_once().await,
        "http-post" => http_post().await,
        "http-stream" => http_stream().await,
        other => Err(format!("there is no case `{other}`").into()),
    }
}

async fn timers() -> Done {
    let started = Instant::now();
    let sleeps = [50, 10, 30].map(|millis| async move {
        sleep(Duration::from_millis(millis)).await;
        millis
    });
    let ended = try_join_all(sleeps.map(|sleep| async { Ok::<_, Box<dyn Error>>(sleep.await) }));
    let ended = ended.await?;
    let took = started.elapsed();
    let in_time = took >= Duration::from_millis(50) && took < Duration::from_secs(2);
    Ok(format!("{ended:?}, in time: {in_time}"))
}

async fn ticks() -> Done {
    let mut interval = interval(Duration::from_millis(2));
    for _ in 0..50 {
        interval.tick().await;
    }
    Ok("50 ticks".to_owned())
}

/// A server that sends back what comes, until the client closes.
async fn echo_server() -> Result<SocketAddr, Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                tokio::io::copy(&mut read, &mut write).await
            });
        }
    });
    Ok(address)
}

/// Sends `length` bytes to the server and reads as many back.
async fn echo(stream: &mut TcpStream, length: usize) -> Result<(), Box<dyn Error>> {
    let sent: Vec<u8> = (0..length).map(|at| (at * 31) as u8).collect();
    let mut back = vec![0; length];
    let (mut read, mut write) = stream.split();
    let (written, got) = tokio::join!(write.write_all(&sent), read.read_exact(&mut back));
    written?;
    got?;
    if back != sent {
        return Err("other bytes came back".into());
    }
    Ok(())
}

async fn tcp(length: usize) -> Done {
    let address = echo_server().await?;
    let clients = (0..4).map(|_| async move {
        let mut stream = TcpStream::connect(address).await?;
        echo(&mut stream, length).await
    });
    let clients = try_join_all(clients).await?.len();
    Ok(format!("{clients} clients, {length} bytes each"))
}

async fn half_close() -> Done {
    let address = echo_server().await?;
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"the last words").await?;
    stream.shutdown().await?;
    let mut back = String::new();
    stream.read_to_string(&mut back).await?;
    Ok(back)
}

async fn refused() -> Done {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    drop(listener);
    match TcpStream::connect(address).await {
        Ok(_) => Err("it connected".into()),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok("refused".to_owned()),
        Err(error) => Err(error.into()),
    }
}

/// Peers in one program, of which all but one are idle: whoever looks at the
/// busy one alone must not look for ever.
async fn idle() -> Done {
    let address = echo_server().await?;
    let idle = try_join_all((0..50).map(|_| TcpStream::connect(address))).await?;
    let mut stream = TcpStream::connect(address).await?;
    for _ in 0..200 {
        echo(&mut stream, 100).await?;
    }
    Ok(format!("200 echoes beside {} idle connections", idle.len()))
}

async fn udp() -> Done {
    let server = UdpSocket::bind("127.0.0.1:0").await?;
    let client = UdpSocket::bind("127.0.0.1:0").await?;
    client.connect(server.local_addr()?).await?;
    // It waits for the first datagram before that is on its way: some hosts take
    // none before they are asked.
    let server = tokio::spawn(async move {
        let mut buffer = [0; 200];
        while let Ok((length, from)) = server.recv_from(&mut buffer).await {
            if server.send_to(&buffer[..length], from).await.is_err() {
                break;
            }
        }
    });
    sleep(Duration::from_millis(50)).await;
    for number in 0..16u8 {
        client.send(&[number; 100]).await?;
        let mut buffer = [0; 200];
        if client.recv(&mut buffer).await? != 100 || buffer[0] != number {
            return Err("another datagram came back".into());
        }
    }
    server.abort();
    Ok("16 datagrams each way".to_owned())
}

async fn names(name: &str) -> Done {
    let found = tokio::net::lookup_host((name, 80)).await;
    Ok(match found {
        Ok(addresses) => format!(
            "loopback: {}",
            addresses
                .map(|address| address.ip())
                .any(|ip| ip.is_loopback())
        ),
        Err(error) => format!("error, kind {:?}", error.kind()),
    })
}

async fn file_read() -> Done {
    let read = tokio::fs::read_to_string("note").await?;
    Ok(read.trim().to_owned())
}

async fn file_write() -> Done {
    tokio::fs::write("written", "by the guest").await?;
    let read = tokio::fs::read_to_string("written").await?;
    tokio::fs::remove_file("written").await?;
    Ok(read)
}

/// A URL of the server that SERVER names.
fn url(path: &str) -> Result<String, Box<dyn Error>> {
    Ok(format!("{}{path}", std::env::var("SERVER")?))
}

async fn http() -> Done {
    let response = reqwest::get(url("/wait/1/7")?).await?;
    Ok(format!(
        "{} {}",
        response.status(),
        response.text().await?.trim()
    ))
}

async fn http_at_once() -> Done {
    let client = reqwest::Client::new();
    let started = Instant::now();
    let requests = (0..10).map(|number| {
        let client = client.clone();
        async move {
            let response = client
                .get(url(&format!("/wait/300/{number}"))?)
                .send()
                .await?;
            Ok::<_, Box<dyn Error>>(response.text().await?)
        }
    });
    let answers = try_join_all(requests).await?;
    let overlapped = started.elapsed() < Duration::from_secs(2);
    Ok(format!(
        "{} answers, overlapped: {overlapped}",
        answers.len()
    ))
}

async fn http_post() -> Done {
    let body = vec![7u8; 200_000];
    let client = reqwest::Client::new();
    let response = client.post(url("/echo")?).body(body.clone()).send().await?;
    Ok(format!("whole: {}", response.bytes().await? == body))
}

/// Both bodies in pieces.
async fn http_stream() -> Done {
    let pieces = (0..20).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(&[3; 5_000])));
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    let client = reqwest::Client::new();
    let response = client.post(url("/echo")?).body(body).send().await?;
    Ok(format!("{} bytes", response.bytes().await?.len()))
}
