//! A chat over websockets: what one says, all hear. Over sockets only, since
//! `wasi:http` has no upgrades: `cargo wasip2 host --network chat.wasm`.

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpListener;
use tokio::sync::broadcast;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let (room, _) = broadcast::channel(64);
    let routes = Router::new().route("/", get(join)).with_state(room);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/", listener.local_addr()?);
    axum::serve(listener, routes).await
}

async fn join(
    upgrade: WebSocketUpgrade,
    State(room): State<broadcast::Sender<String>>,
) -> Response {
    upgrade.on_upgrade(|socket| talk(socket, room))
}

async fn talk(socket: WebSocket, room: broadcast::Sender<String>) {
    let (mut to_client, mut from_client) = socket.split();
    let mut heard = room.subscribe();
    loop {
        tokio::select! {
            said = from_client.next() => match said {
                Some(Ok(Message::Text(text))) => {
                    let _ = room.send(text.to_string());
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
            Ok(text) = heard.recv() => {
                if to_client.send(Message::text(text)).await.is_err() {
                    return;
                }
            }
        }
    }
}
