//! HTTPS, in one way for every server.
//!
//! wasmtime-wasi-http trusts Mozilla's certificate authorities and has no way
//! to add one, its limit for connecting does not cover the TLS handshake, and
//! where a guest sets no limit it has one of ten minutes. Native clients do
//! otherwise, and so does this.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use anyhow::{Context, Result, bail};
use http::Request;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::exchange::{Exchange, NO_LIMIT, exchange};

/// What is trusted where no certificate is added.
static USUAL: LazyLock<Result<Trusted, rustls::Error>> = LazyLock::new(|| Trusted::of(usual()));

/// What the host trusts.
#[derive(Clone, Debug)]
pub struct Trusted(Arc<ClientConfig>);

impl Trusted {
    /// Mozilla's certificate authorities, and those in the PEM file at `path`,
    /// if one is given.
    pub fn new(path: Option<&Path>) -> Result<Trusted> {
        match path {
            None => Ok(USUAL.clone()?),
            Some(path) => Trusted::read(path),
        }
    }

    fn read(path: &Path) -> Result<Trusted> {
        let shown = path.display();
        let mut roots = usual();
        let usual = roots.len();
        let certificates = CertificateDer::pem_file_iter(path)
            .with_context(|| format!("{shown} (--http-ca) could not be read"))?;
        for certificate in certificates {
            certificate
                .map_err(anyhow::Error::from)
                .and_then(|certificate| Ok(roots.add(certificate)?))
                .with_context(|| format!("{shown} (--http-ca) holds a bad certificate"))?;
        }
        if roots.len() == usual {
            bail!("{shown} (--http-ca) holds no certificate in PEM");
        }
        Ok(Trusted::of(roots)?)
    }

    fn of(roots: RootCertStore) -> Result<Trusted, rustls::Error> {
        let config =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_root_certificates(roots)
                .with_no_client_auth();
        Ok(Trusted(Arc::new(config)))
    }

    /// Sends a request over a connection of its own, to `address` if one is
    /// given.
    pub fn send(
        &self,
        request: Request<WasiBody>,
        options: RequestOptions,
        address: Option<SocketAddr>,
    ) -> Box<dyn Future<Output = wasmtime_wasi_http::Result<Exchange>> + Send> {
        let connector = TlsConnector::from(self.0.clone());
        Box::new(send(connector, request, options, address))
    }
}

/// Mozilla's certificate authorities.
fn usual() -> RootCertStore {
    RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.into(),
    }
}

async fn send(
    connector: TlsConnector,
    request: Request<WasiBody>,
    options: RequestOptions,
    address: Option<SocketAddr>,
) -> wasmtime_wasi_http::Result<Exchange> {
    let authority = request
        .uri()
        .authority()
        .ok_or(Error::HttpRequestUriInvalid)?;
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    let port = authority.port_u16().unwrap_or(443);
    let connecting = async {
        let stream = match address {
            Some(address) => TcpStream::connect(address).await,
            None => TcpStream::connect((host.as_str(), port)).await,
        };
        let stream = stream.map_err(Error::Connect)?;
        let name = ServerName::try_from(host.clone()).map_err(Error::InvalidDnsNameError)?;
        connector.connect(name, stream).await.map_err(Error::Tls)
    };
    let stream = timeout(options.connect_timeout.unwrap_or(NO_LIMIT), connecting)
        .await
        .map_err(|_| Error::ConnectionTimeout)??;
    exchange(stream, request, options).await
}
