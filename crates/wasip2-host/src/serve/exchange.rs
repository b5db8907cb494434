//! One request of a client and its response.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use http::header::{HOST, HeaderValue};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;

use wasip2_ground::Console;

use super::body::GuestBody;
use super::call::{self, Call};
use super::clients::{Answering, Client, ClientBody, Clients};
use super::instances::Instances;

/// Has an instance answer `request` of `client`, which came to `address`.
pub async fn answer(
    mut request: Request<Incoming>,
    client: &Arc<Client>,
    address: SocketAddr,
    instances: &Arc<Instances>,
    clients: &Clients,
    console: Console,
) -> Response<GuestBody> {
    client.asked();
    let answering = Answering(client.clone());
    let failed = |status: StatusCode, answering| {
        let mut response = Response::new(GuestBody::empty(Some(answering)));
        *response.status_mut() = status;
        response
    };
    if !add_authority(&mut request, address) {
        return failed(StatusCode::BAD_REQUEST, answering);
    }
    let started = Instant::now();
    let taken = match call::take(instances, clients, &console).await {
        Ok(taken) => taken,
        Err(status) => return failed(status, answering),
    };
    let waiting = (client.clone(), client.exchange());
    let request = request.map(|body| ClientBody {
        body,
        client: client.clone(),
    });
    let call = Call::start(
        request,
        Scheme::Http,
        taken,
        started,
        Some(waiting),
        instances,
        console,
    );
    let response = match call {
        Ok(call) => call.response().await,
        Err(status) => Err(status),
    };
    match response {
        Ok((response, broken)) => {
            response.map(|body| GuestBody::new(body, broken, Some(answering)))
        }
        Err(status) => failed(status, answering),
    }
}

/// Every request has an authority for a guest, and HTTP/1.0 need not say one.
/// Gives back whether there is one that can be passed on.
fn add_authority(request: &mut Request<Incoming>, address: SocketAddr) -> bool {
    if request.uri().authority().is_some() {
        return true;
    }
    let host = request.headers_mut().entry(HOST).or_insert_with(|| {
        HeaderValue::try_from(address.to_string()).expect("an address is a header's value")
    });
    host.to_str().is_ok()
}
