//! The client that a program gets which chooses nothing.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), reqwest::Error> {
    http_client::run(reqwest::Client::new()).await
}
