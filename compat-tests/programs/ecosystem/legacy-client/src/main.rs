//! hyper-util's pooling client and its server for both versions of HTTP, by
//! name.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpInfo;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;

async fn version(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let version = format!("{:?}", request.version());
    request.into_body().collect().await?;
    Ok(Response::new(Full::from(version)))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://localhost:{}/", listener.local_addr()?.port());
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(async move {
        let graceful = GracefulShutdown::new();
        let mut connections = 0;
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let io = TokioIo::new(accepted?.0);
                    let builder = auto::Builder::new(TokioExecutor::new());
                    let connection = builder.serve_connection(io, service_fn(version)).into_owned();
                    let connection = graceful.watch(connection);
                    tokio::spawn(async move { connection.await.ok() });
                    connections += 1;
                }
                _ = &mut stopped => break,
            }
        }
        graceful.shutdown().await;
        Ok::<_, std::io::Error>(connections)
    });

    let mut builder = Client::builder(TokioExecutor::new());
    let one = builder.build_http::<Empty<Bytes>>();
    let two = builder.http2_only(true).build_http::<Empty<Bytes>>();
    for (client, expected) in [(&one, "HTTP/1.1"), (&two, "HTTP/2.0")] {
        let mut local = None;
        for _ in 0..10 {
            let response = client.get(url.parse()?).await?;
            let info = response
                .extensions()
                .get::<HttpInfo>()
                .expect("the connection");
            let port = info.local_addr().port();
            checks::equal("the connection is kept", *local.get_or_insert(port), port);
            let body = response.into_body().collect().await?.to_bytes();
            checks::equal("the version", body, expected);
        }
        let mut requests = tokio::task::JoinSet::new();
        for _ in 0..30 {
            let request = client.get(url.parse()?);
            requests.spawn(async move {
                request
                    .await?
                    .into_body()
                    .collect()
                    .await
                    .map_err(Box::<dyn std::error::Error + Send + Sync>::from)
            });
        }
        while let Some(body) = requests.join_next().await {
            let body = body?.map_err(|error| error.to_string())?.to_bytes();
            checks::equal("requests at once", body, expected);
        }
    }
    let error = one
        .get("http://no-such-name.invalid/".parse()?)
        .await
        .unwrap_err();
    checks::that("no such name", error.is_connect());
    drop((one, two));
    stop.send(()).ok();
    checks::that("some connections", server.await?? >= 2);
    checks::finish();
    Ok(())
}
