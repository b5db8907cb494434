//! Gets a URL over sockets, whatever else the target has.
//!
//! Usage: over_sockets URL

use std::error::Error;

use reqwest::ClientBuilder;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("usage: over_sockets URL")?;
    #[cfg(target_os = "wasi")]
    let builder = ClientBuilder::with_sockets();
    #[cfg(not(target_os = "wasi"))]
    let builder = ClientBuilder::new();
    let response = builder.build()?.get(url).send().await?;
    let known = response.remote_addr().is_some();
    println!("{}\nremote address: {known}", response.text().await?);
    Ok(())
}
