//! The client that does all by itself, over sockets. Only the patched crates
//! offer a choice.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), reqwest::Error> {
    let client = reqwest::ClientBuilder::with_sockets().build()?;
    http_client::run(client).await
}
