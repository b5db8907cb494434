//! A WebSocket server and its clients, over TCP on loopback.

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{accept_async, connect_async};

/// Echoes texts and binaries until the client closes.
async fn serve(listener: TcpListener) -> Result<(), Error> {
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let mut socket = accept_async(stream).await?;
            while let Some(message) = socket.next().await {
                if let message @ (Message::Text(_) | Message::Binary(_)) = message? {
                    socket.send(message).await?
                }
            }
            Ok::<(), Error>(())
        });
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}/", listener.local_addr()?);
    tokio::spawn(serve(listener));

    let (mut socket, response) = connect_async(&url).await?;
    checks::equal("the upgrade", response.status().as_u16(), 101);
    for size in [0, 125, 126, 65_535, 65_536, 1 << 20] {
        socket.send(Message::binary(vec![7; size])).await?;
        let answer = socket.next().await.expect("an answer")?;
        checks::that(
            "a binary comes back",
            answer == Message::binary(vec![7; size]),
        );
    }
    socket.send(Message::text("grüße")).await?;
    let answer = socket.next().await.expect("an answer")?;
    checks::equal("a text comes back", answer, Message::text("grüße"));
    socket.send(Message::Ping("are you there".into())).await?;
    let answer = socket.next().await.expect("an answer")?;
    checks::equal("a pong", answer, Message::Pong("are you there".into()));

    let (mut sink, mut stream) = socket.split();
    let sending = tokio::spawn(async move {
        for number in 0..500 {
            sink.send(Message::text(number.to_string())).await?;
        }
        Ok::<_, Error>(sink)
    });
    for number in 0..500 {
        let answer = stream.next().await.expect("an answer")?;
        checks::equal(
            "both ways at once",
            answer,
            Message::text(number.to_string()),
        );
    }
    let sink = sending.await.expect("the task ends")?;
    let mut socket = sink.reunite(stream).expect("both halves");
    let frame = CloseFrame {
        code: CloseCode::Normal,
        reason: "done".into(),
    };
    socket.close(Some(frame.clone())).await?;
    let answer = socket.next().await.expect("an answer")?;
    checks::equal("the close", answer, Message::Close(Some(frame)));
    checks::that("the end", socket.next().await.is_none());

    let mut sockets = Vec::new();
    for _ in 0..20 {
        sockets.push(connect_async(&url).await?.0);
    }
    for (number, socket) in sockets.iter_mut().enumerate() {
        socket.send(Message::text(number.to_string())).await?;
    }
    for (number, socket) in sockets.iter_mut().enumerate() {
        let answer = socket.next().await.expect("an answer")?;
        checks::equal("many at once", answer, Message::text(number.to_string()));
    }
    checks::finish();
    Ok(())
}
