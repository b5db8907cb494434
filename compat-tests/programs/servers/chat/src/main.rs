//! A chat: what one says, all hear.
//!
//! Over sockets it speaks websockets: `cargo wasip2 host --network chat.wasm`.
//! `wasi:http` has no upgrades, so as a handler it has server-sent events instead:
//! GET /hear is a stream of them, and POST /say says something. That wants WASI
//! 0.3, where the requests of an instance share the room:
//!
//! ```text
//! cargo wasip2 serve --wasi 0.3 --example chat --max-instances 1 \
//!     --max-instance-reuse-count 1000000 --max-instance-concurrent-reuse-count 1000
//! ```

use std::convert::Infallible;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::sse::Event;
use axum::response::{Response, Sse};
use axum::routing::{get, post};
use futures_util::{SinkExt, Stream, StreamExt, stream};
use tokio::sync::broadcast;

type Room = State<broadcast::Sender<String>>;

fn routes() -> Router {
    let (room, _) = broadcast::channel(64);
    Router::new()
        .route("/", get(join))
        .route("/hear", get(hear))
        .route("/say", post(say))
        .with_state(room)
}

async fn join(upgrade: WebSocketUpgrade, State(room): Room) -> Response {
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

/// Begins with the number of those that hear, so that it is known who is there.
async fn hear(State(room): Room) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let heard = room.subscribe();
    let number = Event::default()
        .event("hearers")
        .data(room.receiver_count().to_string());
    let said = stream::unfold(heard, async |mut heard| {
        let text = heard.recv().await.ok()?;
        Some((Event::default().data(text), heard))
    });
    Sse::new(stream::iter([number]).chain(said).map(Ok))
}

async fn say(State(room): Room, text: String) {
    let _ = room.send(text);
}

#[cfg(target_os = "wasi")]
wasi_hyper::serve!(routes);

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/", listener.local_addr()?);
    axum::serve(listener, routes()).await
}
