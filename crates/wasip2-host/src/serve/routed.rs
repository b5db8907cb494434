//! One request of a guest to another component, and its response.
//!
//! It is as between two servers: the other component has instances of its own,
//! with its own rights and the same limits, a failure is a status, and both
//! bodies stream. There is no connection in between, and no copy of a body.

use std::sync::Arc;
use std::time::Instant;

use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use wasip2_ground::Console;

use super::body::GuestBody;
use super::call::{self, Call, within};
use super::clients::Clients;
use super::instances::Instances;
use crate::wasi::p2::exchange::{Exchange, Prompt};
use crate::wasi::p2::inside::{Answer, Handler};

/// A component that other components send to.
pub struct Routed {
    pub instances: Arc<Instances>,
    /// Those of the server: who keeps it waiting has to go where there is no
    /// instance left.
    pub clients: Arc<Clients>,
    pub console: Console,
}

impl Handler for Routed {
    fn answer(&self, request: Request<WasiBody>, options: RequestOptions) -> Answer {
        let (instances, clients) = (self.instances.clone(), self.clients.clone());
        let console = self.console;
        Box::pin(async move { answer(request, options, &instances, &clients, console).await })
    }
}

async fn answer(
    request: Request<WasiBody>,
    options: RequestOptions,
    instances: &Arc<Instances>,
    clients: &Clients,
    console: Console,
) -> Result<Exchange, Error> {
    let started = Instant::now();
    let scheme = match request.uri().scheme_str() {
        Some("https") => Scheme::Https,
        _ => Scheme::Http,
    };
    let head_only = request.method() == Method::HEAD;
    let taken = within(
        options.connect_timeout,
        call::take(instances, clients, &console),
    );
    let taken = match taken.await.ok_or(Error::ConnectionTimeout)? {
        Ok(taken) => taken,
        Err(status) => return Ok(failed(status)),
    };
    let response = match Call::start(request, scheme, taken, started, None, instances, console) {
        Ok(call) => within(options.first_byte_timeout, call.response())
            .await
            .ok_or(Error::ConnectionReadTimeout)?,
        Err(status) => Err(status),
    };
    let (response, broken) = match response {
        Ok(response) => response,
        Err(status) => return Ok(failed(status)),
    };
    // These have none, whatever the guest writes.
    let status = response.status();
    let response = match head_only || matches!(status.as_u16(), 100..=199 | 204 | 304) {
        true => response.map(|_| empty()),
        false => response.map(|body| {
            let body = GuestBody::new(body, broken, None)
                .map_err(|_| Error::HttpResponseIncomplete)
                .boxed_unsync();
            match options.between_bytes_timeout {
                None => body,
                Some(limit) => Prompt::new(body, limit).boxed_unsync(),
            }
        }),
    };
    Ok(whole(response))
}

fn failed(status: StatusCode) -> Exchange {
    let mut response = Response::new(empty());
    *response.status_mut() = status;
    whole(response)
}

fn empty() -> WasiBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// There is no connection to be served.
fn whole(response: Response<WasiBody>) -> Exchange {
    (response, Box::new(async { Ok(()) }))
}
