//! rustls, with any provider.

use std::io;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ClientConfig, ProtocolVersion, RootCertStore, ServerConfig, version};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use crate::{CERTIFICATE, CLIENT, CLIENT_KEY, CLIENTS, Client, KEY, Library, Version};

/// rustls with this provider.
#[derive(Clone)]
pub struct Rustls(pub Arc<CryptoProvider>);

impl Library for Rustls {
    type Stream = TlsStream<TcpStream>;

    async fn connect(
        &self,
        client: Client,
        stream: TcpStream,
    ) -> io::Result<(Self::Stream, Version)> {
        let versions = match client.version {
            Version::Tls12 => [&version::TLS12],
            Version::Tls13 => [&version::TLS13],
        };
        let config = ClientConfig::builder_with_provider(self.0.clone())
            .with_protocol_versions(&versions)
            .expect("the provider has both versions")
            .with_root_certificates(roots(client.authority));
        let config = match client.certificate {
            true => config
                .with_client_auth_cert(vec![certificate(CLIENT)], key(CLIENT_KEY))
                .expect("the key is the certificate's"),
            false => config.with_no_client_auth(),
        };
        let name = ServerName::try_from(client.name).expect("it is a name");
        let connector = TlsConnector::from(Arc::new(config));
        let stream = connector.connect(name, stream).await?;
        let version = match stream.get_ref().1.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => Version::Tls12,
            Some(ProtocolVersion::TLSv1_3) => Version::Tls13,
            other => panic!("{other:?} was agreed upon"),
        };
        Ok((stream.into(), version))
    }

    async fn accept(&self, verify: bool, stream: TcpStream) -> io::Result<Self::Stream> {
        let config = ServerConfig::builder_with_provider(self.0.clone())
            .with_safe_default_protocol_versions()
            .expect("the provider has a version");
        let config = match verify {
            true => {
                let roots = Arc::new(roots(CLIENTS));
                let builder =
                    WebPkiClientVerifier::builder_with_provider(roots, self.0.clone()).build();
                config.with_client_cert_verifier(builder.expect("there is a root"))
            }
            false => config.with_no_client_auth(),
        };
        let config = config
            .with_single_cert(vec![certificate(CERTIFICATE)], key(KEY))
            .expect("the key is the certificate's");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(acceptor.accept(stream).await?.into())
    }
}

fn certificate(pem: &[u8]) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem).expect("it is a certificate")
}

fn key(pem: &[u8]) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_slice(pem).expect("it is a key")
}

fn roots(pem: &[u8]) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(certificate(pem)).expect("it is an authority");
    roots
}
