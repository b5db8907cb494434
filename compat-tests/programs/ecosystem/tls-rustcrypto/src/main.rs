//! A TLS server and its client, over TCP on loopback.

use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::{ClientConfig, ProtocolVersion, RootCertStore, ServerConfig, version};
use tokio_rustls::{TlsAcceptor, TlsConnector};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let provider = Arc::new(rustls_rustcrypto::provider());
    let authority =
        CertificateDer::from_pem_slice(include_bytes!("../../certificates/authority.pem"))?;
    let certificate =
        CertificateDer::from_pem_slice(include_bytes!("../../certificates/localhost.pem"))?;
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../../certificates/localhost.key"))?;
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    let acceptor = TlsAcceptor::from(Arc::new(server));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await?;
                let (mut read, mut write) = tokio::io::split(&mut stream);
                tokio::io::copy(&mut read, &mut write).await?;
                stream.shutdown().await
            });
        }
    });

    let mut roots = RootCertStore::empty();
    roots.add(authority)?;
    for (version, expected) in [
        (&version::TLS13, ProtocolVersion::TLSv1_3),
        (&version::TLS12, ProtocolVersion::TLSv1_2),
    ] {
        let client = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[version])?
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        let connector = TlsConnector::from(Arc::new(client));
        let stream = TcpStream::connect(address).await?;
        let stream = connector
            .connect(ServerName::try_from("localhost")?, stream)
            .await?;
        checks::equal(
            "the version",
            stream.get_ref().1.protocol_version(),
            Some(expected),
        );
        let (mut read, mut write) = tokio::io::split(stream);
        let sending = tokio::spawn(async move {
            write.write_all(&vec![7; 1 << 16]).await?;
            write.shutdown().await
        });
        let mut received = Vec::new();
        read.read_to_end(&mut received).await?;
        sending.await??;
        checks::that("what was sent comes back", received == vec![7; 1 << 16]);

        let stream = TcpStream::connect(address).await?;
        let error = connector
            .connect(ServerName::try_from("example.org")?, stream)
            .await;
        checks::that("a wrong name", error.is_err());
    }
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let connecting =
        TlsConnector::from(Arc::new(client)).connect(ServerName::try_from("localhost")?, stream);
    checks::that("an unknown authority", connecting.await.is_err());
    checks::finish();
    Ok(())
}
