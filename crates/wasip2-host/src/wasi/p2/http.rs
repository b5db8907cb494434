//! Outgoing HTTP requests, which a guest asks for one by one.

use std::future::Future;

use http_body_util::BodyExt;
use wasmtime_wasi_http::{RequestOptions, WasiBody, WasiHttpHooks};

use super::denial::{Denials, Right};
use super::https::{Exchange, NO_LIMIT, Trusted};
use super::presence::Presence;

/// Lets outgoing HTTP requests through, or not.
#[derive(Debug)]
pub struct Http {
    /// Whether `--http` was given.
    pub allowed: bool,
    /// Whose certificates are trusted.
    pub trusted: Trusted,
    /// Where a denial is noted.
    pub denials: Denials,
    /// What tells a request's body that its guest is gone.
    pub presence: Presence,
}

impl WasiHttpHooks for Http {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        sent: Box<dyn Future<Output = Result<(), wasmtime_wasi_http::Error>> + Send>,
    ) -> Box<dyn Future<Output = wasmtime_wasi_http::Result<Exchange>> + Send> {
        let request = request.map(|body| self.presence.guard(body).boxed_unsync());
        if self.allowed && request.uri().scheme_str() == Some("https") {
            return self.trusted.send(request, options.unwrap_or_default());
        }
        if self.allowed {
            // Native clients have no limit unless one is set.
            let options = options.unwrap_or_default();
            let options = RequestOptions {
                connect_timeout: options.connect_timeout.or(Some(NO_LIMIT)),
                first_byte_timeout: options.first_byte_timeout.or(Some(NO_LIMIT)),
                between_bytes_timeout: options.between_bytes_timeout.or(Some(NO_LIMIT)),
            };
            return wasmtime_wasi_http::default_hooks().send_request(request, Some(options), sent);
        }
        self.denials.note(Right::Http, || {
            format!("HTTP ({} {})", request.method(), request.uri())
        });
        Box::new(async { Err(wasmtime_wasi_http::Error::HttpRequestDenied) })
    }
}
