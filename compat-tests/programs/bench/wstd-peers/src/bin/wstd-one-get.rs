//! `one-get` on wstd: the host sends the request (`wasi:http`).

use wstd::http::{Body, Client, Error, Request};

#[wstd::main]
async fn main() -> Result<(), Error> {
    let url = std::env::args().nth(1).expect("argument 1 is the URL");
    let request = Request::get(url).body(Body::empty())?;
    let mut body = Client::new().send(request).await?.into_body();
    println!("{}", String::from_utf8_lossy(body.contents().await?));
    Ok(())
}
