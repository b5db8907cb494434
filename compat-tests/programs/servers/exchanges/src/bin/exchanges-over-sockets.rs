//! The server's end of exchanges, over sockets wherever it runs.

use std::error::Error;

use tokio::io::{AsyncBufReadExt, BufReader, stdin};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/", listener.local_addr()?);
    // Until there is no more input, so that it has an end of its own.
    let ended = async {
        while let Ok(1..) = BufReader::new(stdin()).read_line(&mut String::new()).await {}
    };
    axum::serve(listener, exchanges::routes())
        .with_graceful_shutdown(ended)
        .await?;
    Ok(())
}
