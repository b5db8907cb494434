//! HTTPS, in one way for every server.
//!
//! wasmtime-wasi-http trusts Mozilla's certificate authorities and has no way
//! to add one, its limit for connecting does not cover the TLS handshake, and
//! where a guest sets no limit it has one of ten minutes. Native clients do
//! otherwise, and so does this.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{self, Poll, ready};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{Request, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

/// Where the guest sets no limit: a century.
pub const NO_LIMIT: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// What is trusted where no certificate is added.
static USUAL: LazyLock<Result<Trusted, rustls::Error>> = LazyLock::new(|| Trusted::of(usual()));

/// A response and the task that serves its connection.
pub type Exchange = (
    http::Response<WasiBody>,
    Box<dyn Future<Output = Result<(), wasmtime_wasi_http::Error>> + Send>,
);

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
    mut request: Request<WasiBody>,
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
        options.first_byte_timeout.unwrap_or(NO_LIMIT),
        sender.send_request(request),
    )
    .await
    .map_err(|_| Error::ConnectionReadTimeout)??;
    let response = response.map(|body| match options.between_bytes_timeout {
        None => body.map_err(Error::from).boxed_unsync(),
        Some(limit) => Prompt::new(body, limit).boxed_unsync(),
    });
    Ok((response, Box::new(connection)))
}

/// A body that fails where nothing comes for too long.
pub struct Prompt<B> {
    body: B,
    limit: Duration,
    over: Pin<Box<Sleep>>,
}

impl<B> Prompt<B> {
    /// `body`, for each piece of which there is so much time.
    pub fn new(body: B, limit: Duration) -> Prompt<B> {
        Prompt {
            body,
            limit,
            over: Box::pin(sleep(limit)),
        }
    }
}

impl<B> Body for Prompt<B>
where
    B: Body<Data = Bytes, Error: Into<Error>> + Unpin,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            let next = Instant::now() + self.limit;
            self.over.as_mut().reset(next);
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        ready!(self.over.as_mut().poll(cx));
        Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
