//! Uses the right that its first argument names, and prints what came of it.
//!
//! Usage: rights network ADDRESS | names HOST:PORT | file PATH | env NAME | get URL | stdin -

use std::error::Error;

use tokio::io::AsyncReadExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [right, operand] = words.as_slice() else {
        return Err("usage: rights RIGHT OPERAND".into());
    };
    match right.as_str() {
        "network" => {
            tokio::net::TcpStream::connect(operand.parse::<std::net::SocketAddr>()?).await?;
            println!("connected");
        }
        "names" => {
            let count = tokio::net::lookup_host(operand.as_str()).await?.count();
            println!("addresses: {}", count > 0);
        }
        "file" => println!("{}", tokio::fs::read_to_string(operand).await?.trim_end()),
        "env" => println!("{}", std::env::var(operand)?),
        "stdin" => {
            let mut text = String::new();
            tokio::io::stdin().read_to_string(&mut text).await?;
            println!("read {text:?}");
        }
        "get" => println!("{}", reqwest::get(operand).await?.text().await?),
        other => return Err(format!("there is no right `{other}`").into()),
    }
    Ok(())
}
