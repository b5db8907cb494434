//! The server's end of exchanges, as a handler, or over sockets natively.

#[cfg(target_os = "wasi")]
wasi_hyper::serve!(exchanges::routes);

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/", listener.local_addr()?);
    axum::serve(listener, exchanges::routes()).await
}
