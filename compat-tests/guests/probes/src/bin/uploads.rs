//! Sends a body that ends well, fails, or is dropped half way.
//!
//! Usage: uploads well|unread|fails|dropped URL

use std::error::Error;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use reqwest::{Body, Client};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [way, url] = words.as_slice() else {
        return Err("usage: uploads WAY URL".into());
    };
    let (sender, receiver) = mpsc::channel::<Result<Bytes, io::Error>>(1);
    let pieces = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    let request = Client::new().post(url).body(Body::wrap_stream(pieces));
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
