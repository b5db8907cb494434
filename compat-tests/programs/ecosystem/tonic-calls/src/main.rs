//! A gRPC server and its client, over TCP on loopback.

use std::time::Duration;

use tokio::net::TcpListener;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tokio_stream::{Stream, StreamExt};
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Request, Response, Status, Streaming};

mod echo {
    include!(concat!(env!("OUT_DIR"), "/checks.Echo.rs"));
}

use echo::echo_client::EchoClient;
use echo::echo_server::{Echo, EchoServer};

#[derive(Clone, PartialEq, prost::Message)]
pub struct Text {
    #[prost(string, tag = "1")]
    text: String,
}

impl Text {
    fn new(text: impl ToString) -> Text {
        Text {
            text: text.to_string(),
        }
    }
}

struct Service;

#[tonic::async_trait]
impl Echo for Service {
    async fn unary(&self, request: Request<Text>) -> Result<Response<Text>, Status> {
        let name = request.metadata().get("name").cloned();
        match request.into_inner().text.as_str() {
            "fail" => {
                let mut status = Status::invalid_argument("no such text");
                status
                    .metadata_mut()
                    .insert("why", "asked".parse().unwrap());
                Err(status)
            }
            "sleep" => {
                tokio::time::sleep(Duration::from_secs(5)).await;
                Ok(Response::new(Text::default()))
            }
            text => {
                let mut response = Response::new(Text::new(text));
                if let Some(name) = name {
                    response.metadata_mut().insert("name", name);
                }
                Ok(response)
            }
        }
    }

    type ServerStream = ReceiverStream<Result<Text, Status>>;

    async fn server(&self, request: Request<Text>) -> Result<Response<Self::ServerStream>, Status> {
        let count: u32 = request.into_inner().text.parse().unwrap();
        let (sender, receiver) = tokio::sync::mpsc::channel(4);
        tokio::spawn(async move {
            for number in 0..count {
                sender.send(Ok(Text::new(number))).await.ok();
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn client(&self, request: Request<Streaming<Text>>) -> Result<Response<Text>, Status> {
        let mut texts = request.into_inner();
        let mut all = String::new();
        while let Some(text) = texts.message().await? {
            all += &text.text;
        }
        Ok(Response::new(Text::new(all)))
    }

    type BothStream = std::pin::Pin<Box<dyn Stream<Item = Result<Text, Status>> + Send>>;

    async fn both(
        &self,
        request: Request<Streaming<Text>>,
    ) -> Result<Response<Self::BothStream>, Status> {
        let texts = request.into_inner();
        let answers = texts.map(|text| Ok(Text::new(text?.text.to_uppercase())));
        Ok(Response::new(Box::pin(answers)))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(
        Server::builder()
            .add_service(EchoServer::new(Service))
            .serve_with_incoming_shutdown(TcpListenerStream::new(listener), async {
                stopped.await.ok();
            }),
    );
    let channel: Channel = Endpoint::from_shared(format!("http://{address}"))?
        .tcp_keepalive(Some(Duration::from_secs(30)))
        .connect()
        .await?;
    let mut client = EchoClient::new(channel);

    let mut request = Request::new(Text::new("hello"));
    let name = MetadataValue::from_static("guest");
    request.metadata_mut().insert("name", name.clone());
    let response = client.unary(request).await?;
    checks::equal("metadata", response.metadata().get("name"), Some(&name));
    checks::equal("unary", response.into_inner().text, "hello");

    let large = "x".repeat(1 << 20);
    let response = client.unary(Request::new(Text::new(&large))).await?;
    checks::that("a megabyte comes back", response.into_inner().text == large);

    let status = client
        .unary(Request::new(Text::new("fail")))
        .await
        .unwrap_err();
    checks::equal("the status", status.code(), Code::InvalidArgument);
    checks::equal("its message", status.message(), "no such text");
    checks::that("its metadata", status.metadata().get("why").is_some());

    let mut request = Request::new(Text::new("sleep"));
    request.set_timeout(Duration::from_millis(100));
    let status = client.unary(request).await.unwrap_err();
    checks::that(
        "the deadline",
        matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled),
    );

    let numbers = client
        .server(Request::new(Text::new(100)))
        .await?
        .into_inner();
    let numbers: Vec<_> = numbers.map(|text| text.unwrap().text).collect().await;
    let expected: Vec<_> = (0..100).map(|number: u32| number.to_string()).collect();
    checks::equal("server streaming", numbers, expected);

    let texts = tokio_stream::iter(["a", "b", "c"].map(Text::new));
    let all = client.client(Request::new(texts)).await?.into_inner();
    checks::equal("client streaming", all.text, "abc");

    // Each text is sent when the answer to the one before is there.
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let mut answers = client
        .both(Request::new(ReceiverStream::new(receiver)))
        .await?
        .into_inner();
    for text in ["one", "two", "three"] {
        sender.send(Text::new(text)).await?;
        let answer = answers.message().await?.unwrap();
        checks::equal("both streaming", answer.text, text.to_uppercase());
    }
    drop(sender);
    checks::that("the stream ends", answers.message().await?.is_none());

    let calls = (0..50).map(|number: u32| {
        let mut client = client.clone();
        tokio::spawn(async move { client.unary(Request::new(Text::new(number))).await })
    });
    for (number, call) in calls.collect::<Vec<_>>().into_iter().enumerate() {
        let text = call.await??.into_inner().text;
        checks::equal("calls at once", text, number.to_string());
    }

    drop(client);
    stop.send(()).ok();
    server.await??;
    checks::finish();
    Ok(())
}
