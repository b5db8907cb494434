//! Gets a URL with the blocking client: first from the main function, then,
//! with `inside`, from an asynchronous one, where that is refused.
//!
//! Usage: blocking URL [inside]

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let url = words.first().ok_or("usage: blocking URL [inside]")?;
    println!("{}", reqwest::blocking::get(url)?.text()?);
    let body = reqwest::blocking::Body::new(std::io::Cursor::new(vec![b'x'; 100_000]));
    let client = reqwest::blocking::Client::new();
    let echoed = client
        .post(url.replace("/method", "/echo"))
        .body(body)
        .send()?;
    println!("{} bytes", echoed.bytes()?.len());
    if words.len() > 1 {
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(async { reqwest::blocking::get(url) })?;
        println!("not refused");
    }
    Ok(())
}
