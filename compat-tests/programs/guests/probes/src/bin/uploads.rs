//! Sends a body that ends well, fails, panics, or is dropped half way.
//!
//! Usage: uploads default|sockets well|unread|fails|panics|dropped URL [LENGTH]
//!
//! The first word is what sends it. With LENGTH, that many bytes are promised.

use std::error::Error;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use reqwest::header::CONTENT_LENGTH;
use reqwest::{Body, ClientBuilder};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

/// The piece in whose place the body panics.
const PANIC: &[u8] = b"panic";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [engine, way, url, length @ ..] = words.as_slice() else {
        return Err("usage: uploads ENGINE WAY URL [LENGTH]".into());
    };
    let builder = match engine.as_str() {
        "default" => ClientBuilder::new(),
        #[cfg(target_os = "wasi")]
        "sockets" => ClientBuilder::with_sockets(),
        other => return Err(format!("there is no engine `{other}`").into()),
    };
    let (sender, receiver) = mpsc::channel::<Result<Bytes, io::Error>>(1);
    let pieces = stream::unfold(receiver, |mut receiver| async move {
        let piece = receiver.recv().await?;
        if piece.as_ref().is_ok_and(|piece| piece == PANIC) {
            panic!("this body was told to panic");
        }
        Some((piece, receiver))
    });
    let mut request = builder.build()?.post(url).body(Body::wrap_stream(pieces));
    if let [length] = length {
        request = request.header(CONTENT_LENGTH, length);
    }
    let first = async {
        sender
            .send(Ok(Bytes::from("some")))
            .await
            .expect("it is read")
    };
    let (response, ()) = tokio::join!(request.send(), first);
    let mut response = response?;
    println!("answered {}", response.status().as_u16());
    match way.as_str() {
        "well" => {
            sender.send(Ok(Bytes::from(" more"))).await?;
            drop(sender);
            println!("{}", response.text().await?);
        }
        "fails" => {
            sender.send(Err(io::Error::other("mine"))).await?;
            println!("{}", response.text().await.is_err());
        }
        "panics" => {
            sender.send(Ok(Bytes::from(PANIC))).await?;
            println!("{}", response.text().await.is_err());
        }
        "dropped" => {
            drop(response.chunk().await?);
            // The sender stays, so the body has no end but this.
            drop(response);
            println!(
                "{}",
                timeout(Duration::from_secs(5), sender.closed())
                    .await
                    .is_ok()
            );
        }
        "unread" => {
            // More than all buffers on the way hold, and no one reads.
            for _ in 0..100 {
                sender.send(Ok(Bytes::from(vec![b'x'; 100_000]))).await?;
            }
            drop(sender);
            println!("{}", response.text().await?);
        }
        other => return Err(format!("there is no way `{other}`").into()),
    }
    // The server has to see how it ended.
    sleep(Duration::from_millis(200)).await;
    Ok(())
}
