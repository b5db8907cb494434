//! HTTPS to servers whose certificates only this run trusts.
//!
//! wasmtime-wasi-http trusts Mozilla's certificate authorities and has no way
//! to add one. A test has a server with a certificate of its own, so here is
//! what it does, with another list. Only a limit between bytes is not kept.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use http::{Request, Uri};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

/// Where the guest sets no limit, as in wasmtime-wasi-http.
const LIMIT: Duration = Duration::from_secs(600);

/// A response and the task that serves its connection.
pub type Exchange = (
    http::Response<WasiBody>,
    Box<dyn Future<Output = Result<(), wasmtime_wasi_http::Error>> + Send>,
);

/// What the host trusts.
#[derive(Clone, Debug)]
pub struct Trusted(Arc<ClientConfig>);

impl Trusted {
    /// Mozilla's certificate authorities, and those in the PEM file at `path`.
    pub fn read(path: &Path) -> Result<Trusted> {
        let shown = path.display();
        let mut roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.into(),
        };
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
        let config =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_root_certificates(roots)
                .with_no_client_auth();
        Ok(Trusted(Arc::new(config)))
    }

    /// Sends a request over a connection of its own.
    pub fn send(
        &self,
        request: Request<WasiBody>,
        options: RequestOptions,
    ) -> Box<dyn Future<Output = wasmtime_wasi_http::Result<Exchange>> + Send> {
        Box::new(send(TlsConnector::from(self.0.clone()), request, options))
    }
}

async fn send(
    connector: TlsConnector,
    mut request: Request<WasiBody>,
    options: RequestOptions,
) -> wasmtime_wasi_http::Result<Exchange> {
    let authority = request
        .uri()
        .authority()
        .ok_or(Error::HttpRequestUriInvalid)?;
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    let port = authority.port_u16().unwrap_or(443);
    let connecting = async {
        let stream = TcpStream::connect((host.as_str(), port))
            .await
            .map_err(Error::Connect)?;
        let name = ServerName::try_from(host.clone()).map_err(Error::InvalidDnsNameError)?;
        connector.connect(name, stream).await.map_err(Error::Tls)
    };
    let stream = timeout(options.connect_timeout.unwrap_or(LIMIT), connecting)
        .await
        .map_err(|_| Error::ConnectionTimeout)??;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // Dropped, it ends the connection.
    let connection = wasmtime_wasi::runtime::spawn(async { connection.await.map_err(Error::from) });

    let path = request.uri().path_and_query().map(|path| path.as_str());
    *request.uri_mut() = path
        .unwrap_or("/")
        .parse::<Uri>()
        .map_err(|_| Error::HttpRequestUriInvalid)?;
    let response = timeout(
        options.first_byte_timeout.unwrap_or(LIMIT),
        sender.send_request(request),
    )
    .await
    .map_err(|_| Error::ConnectionReadTimeout)??;
    let response = response.map(|body| body.map_err(Error::from).boxed_unsync());
    Ok((response, Box::new(connection)))
}
