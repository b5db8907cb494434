//! OpenSSL, by itself, through native-tls and in reqwest, against the `openssl`
//! command.

use std::error::Error;
use std::io;
use std::pin::Pin;

use handshakes::{
    AUTHORITY, CERTIFICATE, CLIENT, CLIENT_KEY, CLIENTS, Client, KEY, Library, Version, ask,
};
use openssl::pkey::PKey;
use openssl::ssl::{
    Ssl, SslAcceptor, SslConnector, SslContextBuilder, SslMethod, SslVerifyMode, SslVersion,
};
use openssl::x509::X509;
use reqwest::{Certificate, ClientBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_openssl::SslStream;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    handshakes::all(OpenSsl).await?;
    native_tls().await?;
    for (flag, shown) in [("tls1_2", "TLSv1.2"), ("tls1_3", "TLSv1.3")] {
        let url = format!("https://localhost:{}/", ask(&format!("page {flag}")).await?);
        // It trusts what `SSL_CERT_FILE` names.
        let client = ClientBuilder::with_sockets().build()?;
        let response = client.get(&url).send().await?;
        checks::equal("the status", response.status().as_u16(), 200);
        checks::that("the version", response.text().await?.contains(shown));

        let client = ClientBuilder::with_sockets()
            .tls_certs_only([Certificate::from_pem(CLIENTS)?])
            .build()?;
        let refused = client.get(&url).send().await.unwrap_err();
        checks::that("an unknown authority", refused.is_connect());
    }
    checks::finish();
    Ok(())
}

/// native-tls on both sides, through tokio-native-tls.
async fn native_tls() -> Result<(), Box<dyn Error>> {
    let identity = native_tls::Identity::from_pkcs8(CERTIFICATE, KEY)?;
    let acceptor = native_tls::TlsAcceptor::builder(identity).build()?;
    let acceptor = tokio_native_tls::TlsAcceptor::from(acceptor);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await.map_err(io::Error::other)?;
                let (mut read, mut write) = tokio::io::split(&mut stream);
                tokio::io::copy(&mut read, &mut write).await
            });
        }
    });
    let connector = native_tls::TlsConnector::builder()
        .add_root_certificate(native_tls::Certificate::from_pem(AUTHORITY)?)
        .build()?;
    let connector = tokio_native_tls::TlsConnector::from(connector);
    let stream = TcpStream::connect(address).await?;
    let mut stream = connector.connect("localhost", stream).await?;
    stream.write_all(&vec![7; 1 << 14]).await?;
    let mut received = vec![0; 1 << 14];
    stream.read_exact(&mut received).await?;
    checks::that("what was sent comes back", received == vec![7; 1 << 14]);
    let stream = TcpStream::connect(address).await?;
    let refused = connector.connect("example.org", stream).await;
    checks::that("a name that does not match", refused.is_err());
    Ok(())
}

#[derive(Clone)]
struct OpenSsl;

impl Library for OpenSsl {
    type Stream = SslStream<TcpStream>;

    async fn connect(
        &self,
        client: Client,
        stream: TcpStream,
    ) -> io::Result<(Self::Stream, Version)> {
        let mut connector = SslConnector::builder(SslMethod::tls_client())?;
        let version = match client.version {
            Version::Tls12 => SslVersion::TLS1_2,
            Version::Tls13 => SslVersion::TLS1_3,
        };
        connector.set_min_proto_version(Some(version))?;
        connector.set_max_proto_version(Some(version))?;
        trust(&mut connector, client.authority)?;
        if client.certificate {
            show(&mut connector, CLIENT, CLIENT_KEY)?;
        }
        let ssl = connector.build().configure()?.into_ssl(client.name)?;
        let mut stream = SslStream::new(ssl, stream)?;
        Pin::new(&mut stream)
            .connect()
            .await
            .map_err(io::Error::other)?;
        let version = match stream.ssl().version_str() {
            "TLSv1.2" => Version::Tls12,
            "TLSv1.3" => Version::Tls13,
            other => panic!("{other} was agreed upon"),
        };
        Ok((stream, version))
    }

    async fn accept(&self, verify: bool, stream: TcpStream) -> io::Result<Self::Stream> {
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
        show(&mut acceptor, CERTIFICATE, KEY)?;
        if verify {
            trust(&mut acceptor, CLIENTS)?;
            acceptor.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
        }
        let ssl = Ssl::new(acceptor.build().context())?;
        let mut stream = SslStream::new(ssl, stream)?;
        Pin::new(&mut stream)
            .accept()
            .await
            .map_err(io::Error::other)?;
        Ok(stream)
    }
}

fn trust(context: &mut SslContextBuilder, authority: &[u8]) -> io::Result<()> {
    let mut store = openssl::x509::store::X509StoreBuilder::new()?;
    store.add_cert(X509::from_pem(authority)?)?;
    context.set_verify_cert_store(store.build())?;
    Ok(())
}

fn show(context: &mut SslContextBuilder, certificate: &[u8], key: &[u8]) -> io::Result<()> {
    let certificate = X509::from_pem(certificate)?;
    let key = PKey::private_key_from_pem(key)?;
    context.set_certificate(&certificate)?;
    context.set_private_key(&key)?;
    Ok(())
}
