//! `one-get` over sockets. Only the patched crates offer a choice.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), reqwest::Error> {
    let url = std::env::args().nth(1).expect("argument 1 is the URL");
    let client = reqwest::ClientBuilder::with_sockets().build()?;
    println!("{}", client.get(url).send().await?.text().await?);
    Ok(())
}
