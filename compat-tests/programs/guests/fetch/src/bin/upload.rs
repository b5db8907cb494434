//! Uploads a file as a form would, without having it in memory as a whole.
//!
//! Usage: upload FILE [URL]
//!
//! FILE is in a directory that the host lets the component have. Without URL,
//! the environment variable SERVER names the server.

use std::error::Error;

use reqwest::Client;
use reqwest::multipart::{Form, Part};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let path = words.next().ok_or("usage: upload FILE [URL]")?;
    let url = match words.next() {
        Some(url) => url,
        None => format!("{}/upload", std::env::var("SERVER")?),
    };

    let file = Part::file(&path).await?.mime_str("text/plain")?;
    let form = Form::new().text("title", "From WASI").part("file", file);
    let request = Client::new().post(url).multipart(form);
    let response = request.send().await?.error_for_status()?;
    print!("{}", response.text().await?);
    Ok(())
}
