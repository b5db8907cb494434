//! reqwest over sockets with what has C in it: TLS by ring, and zstd.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use reqwest::{Certificate, ClientBuilder, Version};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

const AUTHORITY: &[u8] = include_bytes!("../../certificates/authority.pem");
const CERTIFICATE: &[u8] = include_bytes!("../../certificates/localhost.pem");
const KEY: &[u8] = include_bytes!("../../certificates/localhost.key");

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    ring::default_provider()
        .install_default()
        .expect("there is no other");
    let url = format!("https://localhost:{}", serve().await?.port());

    let builder = || {
        let authority = Certificate::from_pem(AUTHORITY)?;
        Ok::<ClientBuilder, reqwest::Error>(
            ClientBuilder::with_sockets().add_root_certificate(authority),
        )
    };
    for (client, version) in [
        (builder()?.build()?, Version::HTTP_2),
        (builder()?.http1_only().build()?, Version::HTTP_11),
    ] {
        let sent = vec![7; 300_000];
        let response = client
            .post(format!("{url}/echo"))
            .body(sent.clone())
            .send()
            .await?;
        checks::equal("the version", response.version(), version);
        checks::that("what was sent comes back", response.bytes().await? == sent);

        let response = client.get(format!("{url}/zstd")).send().await?;
        checks::equal(
            "the coding is taken off",
            response.headers().get(CONTENT_ENCODING),
            None,
        );
        checks::equal("the text", response.text().await?, text());
    }

    let stranger = ClientBuilder::with_sockets().build()?;
    let error = stranger.get(&url).send().await.unwrap_err();
    checks::that("an unknown authority", error.is_connect());
    checks::finish();
    Ok(())
}

/// Serves by HTTP/1.1 and HTTP/2, over TLS.
async fn serve() -> Result<SocketAddr, Box<dyn Error>> {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE)?;
    let key = PrivateKeyDer::from_pem_slice(KEY)?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not trust this server goes away.
                if let Ok(stream) = acceptor.accept(stream).await {
                    let connection = auto::Builder::new(TokioExecutor::new());
                    let _ = connection
                        .serve_connection(TokioIo::new(stream), service_fn(answer))
                        .await;
                }
            });
        }
    });
    Ok(address)
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let zstd = request.headers().get(ACCEPT_ENCODING);
    let zstd = zstd.is_some_and(|coding| coding.to_str().is_ok_and(|it| it.contains("zstd")));
    Ok(match request.uri().path() {
        "/zstd" if zstd => {
            let body = zstd::encode_all(text().as_bytes(), 3).expect("it is in memory");
            let mut response = Response::new(Full::from(body));
            let coding = "zstd".parse().expect("it is a value");
            response.headers_mut().insert(CONTENT_ENCODING, coding);
            response
        }
        "/echo" => match request.into_body().collect().await {
            Ok(body) => Response::new(Full::from(body.to_bytes())),
            Err(error) => Response::new(Full::from(error.to_string())),
        },
        _ => Response::new(Full::from("something else was asked for")),
    })
}

fn text() -> String {
    (0..20_000)
        .map(|number| format!("line {number}\n"))
        .collect()
}
