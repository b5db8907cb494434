//! hyper's own client and server connections, HTTP/1.1 and HTTP/2, and h2's.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, client, server};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};

async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let version = format!("{:?}", request.version());
    let body = request.into_body().collect().await?.to_bytes();
    let response = Response::builder().header("version", version);
    Ok(response.body(Full::new(body)).unwrap())
}

type Failure = Box<dyn std::error::Error>;

async fn hyper_one(address: std::net::SocketAddr) -> Result<(), Failure> {
    let io = TokioIo::new(TcpStream::connect(address).await?);
    let (mut sender, connection) = client::conn::http1::handshake(io).await?;
    let connection = tokio::spawn(connection);
    for size in [0, 1, 100_000] {
        sender.ready().await?;
        let body = Full::new(Bytes::from(vec![7; size]));
        let request = Request::post("/").header("host", "localhost").body(body)?;
        let response = sender.send_request(request).await?;
        checks::equal("the version", &response.headers()["version"], "HTTP/1.1");
        let body = response.into_body().collect().await?.to_bytes();
        checks::equal("one after the other", body.len(), size);
    }
    drop(sender);
    Ok(connection.await??)
}

async fn hyper_two(address: std::net::SocketAddr) -> Result<(), Failure> {
    let io = TokioIo::new(TcpStream::connect(address).await?);
    let (sender, connection) = client::conn::http2::handshake(TokioExecutor::new(), io).await?;
    tokio::spawn(connection);
    let mut requests = tokio::task::JoinSet::new();
    for number in 0..100usize {
        let mut sender = sender.clone();
        requests.spawn(async move {
            let body = Full::new(Bytes::from(vec![number as u8; number * 500]));
            let request = Request::post("http://localhost/").body(body).unwrap();
            let response = sender.send_request(request).await?;
            let body = response.into_body().collect().await?.to_bytes();
            Ok::<_, hyper::Error>((number, body))
        });
    }
    while let Some(request) = requests.join_next().await {
        let (number, body) = request??;
        checks::that("streams at once", body == vec![number as u8; number * 500]);
    }
    Ok(())
}

/// A server and a client of h2 itself, with trailers.
async fn bare_h2() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(stream).await.unwrap();
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            tokio::spawn(async move {
                let mut body = request.into_body();
                let mut stream = respond.send_response(Response::new(()), false).unwrap();
                while let Some(Ok(data)) = body.data().await {
                    body.flow_control().release_capacity(data.len()).unwrap();
                    stream.send_data(data, false).unwrap();
                }
                let mut trailers = http::HeaderMap::new();
                trailers.insert("done", "yes".parse().unwrap());
                stream.send_trailers(trailers).unwrap();
            });
        }
    });
    let (client, connection) = h2::client::handshake(TcpStream::connect(address).await?).await?;
    tokio::spawn(connection);
    let mut client = client.ready().await?;
    let request = Request::post("http://localhost/").body(())?;
    let (response, mut stream) = client.send_request(request, false)?;
    stream.send_data(Bytes::from(vec![7; 200_000]), true)?;
    let mut body = response.await?.into_body();
    let mut length = 0;
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        length += data.len();
    }
    checks::equal("beyond the window", length, 200_000);
    let trailers = body.trailers().await?.unwrap();
    checks::equal("trailers", &trailers["done"], "yes");
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await?;
            let io = TokioIo::new(stream);
            let service = service_fn(echo);
            match number {
                0 => drop(tokio::spawn(
                    server::conn::http1::Builder::new().serve_connection(io, service),
                )),
                _ => drop(tokio::spawn(
                    server::conn::http2::Builder::new(TokioExecutor::new())
                        .serve_connection(io, service),
                )),
            }
        }
        Ok::<_, std::io::Error>(())
    });
    hyper_one(address).await?;
    hyper_two(address).await?;
    bare_h2().await?;
    checks::finish();
    Ok::<_, Failure>(())
}
