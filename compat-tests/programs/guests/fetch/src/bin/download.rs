//! Downloads a file piece by piece, and shows how far it is.
//!
//! Usage: download URL FILE
//!
//! FILE is in a directory that the host lets the component have.

use std::error::Error;

use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Client;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [url, path] = words.as_slice() else {
        return Err("usage: download URL FILE".into());
    };
    let mut response = Client::new().get(url).send().await?.error_for_status()?;

    // A server that sends in pieces does not say how long the whole is.
    let bar = match response.content_length() {
        Some(length) => ProgressBar::new(length),
        None => ProgressBar::no_length(),
    };
    bar.set_style(ProgressStyle::with_template(
        "{wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}",
    )?);
    let mut file = File::create(path).await?;
    while let Some(piece) = response.chunk().await? {
        file.write_all(&piece).await?;
        bar.inc(piece.len() as u64);
    }
    file.flush().await?;
    bar.finish();
    println!("{} bytes in {path}", bar.position());
    Ok(())
}
