//! wstd does what an HTTP client does, and sockets and timers beside it.

use futures_util::future;
use wstd::http::{Body, Client, Request, StatusCode};
use wstd::io::{AsyncRead, AsyncWrite};
use wstd::iter::AsyncIterator;
use wstd::net::{TcpListener, TcpStream};
use wstd::time::{Duration, Instant};

#[wstd::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let base = std::env::args().nth(1).expect("the server's URL");
    let client = Client::new();

    let request = Request::get(format!("{base}/hello")).body(Body::empty())?;
    let mut response = client.send(request).await?;
    checks::equal("the status", response.status(), StatusCode::OK);
    checks::equal(
        "the greeting",
        response.body_mut().str_contents().await?,
        "Hello, World!",
    );

    let large = vec![7u8; 1 << 20];
    let request = Request::post(format!("{base}/echo")).body(Body::from(large.clone()))?;
    let mut response = client.send(request).await?;
    checks::that(
        "a megabyte comes back",
        response.body_mut().contents().await? == large,
    );

    // The host may have the whole response before the request is finished.
    for round in 0..200 {
        let requests = (0..10).map(|number| {
            let client = client.clone();
            let url = format!("{base}/wait/0/{number}");
            async move {
                let request = Request::get(url).body(Body::empty()).unwrap();
                let mut response = client.send(request).await?;
                response.body_mut().str_contents().await.map(str::to_owned)
            }
        });
        for (number, answer) in future::join_all(requests).await.into_iter().enumerate() {
            let expected = format!("request {number} waited 0 ms");
            checks::equal(&format!("round {round}"), answer?, expected);
        }
    }
    for _ in 0..50 {
        let body = Body::from("x".repeat(70_000));
        let request = Request::post(format!("{base}/nothing")).body(body)?;
        let response = client.send(request).await?;
        checks::equal(
            "an answer before the body",
            response.status(),
            StatusCode::NOT_FOUND,
        );
    }

    for address in ["127.0.0.1:0", "[::1]:0"] {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let echo = wstd::runtime::spawn(async move {
            let mut stream = listener.incoming().next().await.unwrap().unwrap();
            let mut buffer = [0; 5];
            let length = stream.read(&mut buffer).await.unwrap();
            stream.write_all(&buffer[..length]).await.unwrap();
        });
        let mut stream = TcpStream::connect_addr(address).await?;
        stream.write_all(b"hello").await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        echo.await;
        checks::equal("an echo", answer, b"hello");
    }

    let started = Instant::now();
    wstd::task::sleep(Duration::from_millis(50)).await;
    checks::that("a timer", started.elapsed() >= Duration::from_millis(50));
    checks::finish();
    Ok(())
}
