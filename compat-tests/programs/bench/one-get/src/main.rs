//! Gets a URL and prints what it is.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), reqwest::Error> {
    let url = std::env::args().nth(1).expect("argument 1 is the URL");
    println!("{}", reqwest::get(url).await?.text().await?);
    Ok(())
}
