//! Outgoing HTTP requests, which a guest asks for one by one.

use std::future::Future;

use wasmtime_wasi_http::{RequestOptions, WasiBody, WasiHttpHooks};

use super::denial::{Denials, Right};
use super::https::{Exchange, Trusted};

/// Lets outgoing HTTP requests through, or not.
#[derive(Debug)]
pub struct Http {
    /// Whether `--http` was given.
    pub allowed: bool,
    /// Certificates that are trusted beside the usual ones, if any are.
    pub trusted: Option<Trusted>,
    /// Where a denial is noted.
    pub denials: Denials,
}

impl WasiHttpHooks for Http {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        sent: Box<dyn Future<Output = Result<(), wasmtime_wasi_http::Error>> + Send>,
    ) -> Box<dyn Future<Output = wasmtime_wasi_http::Result<Exchange>> + Send> {
        if let (true, Some(trusted), Some("https")) =
            (self.allowed, &self.trusted, request.uri().scheme_str())
        {
            return trusted.send(request, options.unwrap_or_default());
        }
        if self.allowed {
            return wasmtime_wasi_http::default_hooks().send_request(request, options, sent);
        }
        self.denials.note(Right::Http, || {
            format!("HTTP ({} {})", request.method(), request.uri())
        });
        Box::new(async { Err(wasmtime_wasi_http::Error::HttpRequestDenied) })
    }
}
