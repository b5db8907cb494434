//! Outgoing HTTP requests, which a guest asks for one by one.

use std::future::Future;
use std::net::SocketAddr;

use http::Uri;
use http::uri::Authority;
use http_body_util::BodyExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::denial::{Denials, Right};
use super::exchange::{self, Exchange, NO_LIMIT};
use super::https::Trusted;
use super::inside::Inside;
use super::names::Names;
use super::presence::Presence;
use crate::rights::HostPattern;
use crate::stand_ins::Mapping;

/// Lets outgoing HTTP requests through, or not.
#[derive(Debug)]
pub struct Http {
    /// Whether `--http` was given.
    pub allowed: bool,
    /// What `--http-allow` names.
    pub hosts: Vec<HostPattern>,
    /// What goes elsewhere.
    pub mapped: Vec<Mapping>,
    /// What names stand for.
    pub names: Names,
    /// Whose certificates are trusted.
    pub trusted: Trusted,
    /// The components that the guest may send to.
    pub inside: Inside,
    /// Where a denial is noted.
    pub denials: Denials,
    /// What tells a request's body that its guest is gone.
    pub presence: Presence,
}

/// What becomes of a request.
type Sent = Box<dyn Future<Output = wasmtime_wasi_http::Result<Exchange>> + Send>;

impl Http {
    fn refuse(&self, right: Right, request: &http::Request<WasiBody>) -> Sent {
        self.denials.note(right, || {
            format!("HTTP ({} {})", request.method(), request.uri())
        });
        Box::new(async { Err(Error::HttpRequestDenied) })
    }

    fn is_allowed(&self, host: &str, port: u16) -> bool {
        self.allowed || self.hosts.iter().any(|hosts| hosts.includes(host, port))
    }
}

impl WasiHttpHooks for Http {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Sent {
        let mut request = request.map(|body| self.presence.guard(body).boxed_unsync());
        let options = options.unwrap_or_default();
        let Some(authority) = request.uri().authority() else {
            return Box::new(async { Err(Error::HttpRequestUriInvalid) });
        };
        let host = authority.host().to_ascii_lowercase();
        let port = port(request.uri(), authority);
        if let Some(handler) = self.inside.reached.get(&host) {
            return Box::new(handler.answer(request, options));
        }
        if self.inside.all.contains(&host) {
            return self.refuse(Right::Route, &request);
        }
        let mapped = self.mapped.iter().find(|mapped| mapped.is_for(&host, port));
        if let Some(mapping) = mapped {
            *request.uri_mut() = mapping.elsewhere(request.uri());
        } else if !self.is_allowed(&host, port) {
            let right = match self.hosts.is_empty() {
                true => Right::Http,
                false => Right::HttpHost,
            };
            return self.refuse(right, &request);
        }
        // Not the name that was mapped, which is nowhere.
        let Some(authority) = request.uri().authority() else {
            return Box::new(async { Err(Error::HttpRequestUriInvalid) });
        };
        let address = (self.names.address(authority.host()))
            .map(|address| SocketAddr::new(address, self::port(request.uri(), authority)));
        if request.uri().scheme_str() == Some("https") {
            return self.trusted.send(request, options, address);
        }
        Box::new(plain(request, options, address))
    }
}

/// Sends a request over a connection of its own, to `address` if one is given.
async fn plain(
    request: http::Request<WasiBody>,
    options: RequestOptions,
    address: Option<SocketAddr>,
) -> wasmtime_wasi_http::Result<Exchange> {
    let authority = request.uri().authority();
    let authority = authority.ok_or(Error::HttpRequestUriInvalid)?;
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    let port = port(request.uri(), authority);
    let connecting = async {
        match address {
            Some(address) => TcpStream::connect(address).await,
            None => TcpStream::connect((host.as_str(), port)).await,
        }
    };
    let stream = timeout(options.connect_timeout.unwrap_or(NO_LIMIT), connecting)
        .await
        .map_err(|_| Error::ConnectionTimeout)?
        .map_err(Error::Connect)?;
    exchange::exchange(stream, request, options).await
}

/// The port that a request is for.
fn port(uri: &Uri, authority: &Authority) -> u16 {
    let usual = match uri.scheme_str() {
        Some("https") => 443,
        _ => 80,
    };
    authority.port_u16().unwrap_or(usual)
}
