//! One request and its response.

use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use http::header::{HOST, HeaderValue};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::sync::oneshot;
use tokio::task::unconstrained;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;

use crate::trap;
use wasip2_ground::Console;

use super::body::{Broken, GuestBody};
use super::clients::{Answering, Client, ClientBody, Clients};
use super::instances::{Instance, Instances};

/// Why a guest gave no response.
enum Failure {
    /// It was told of in the console.
    Trap,
    TimeLimit,
    /// Its client was given up.
    SlowClient,
    /// It returned without one.
    Silence,
}

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
        let mut response = Response::new(GuestBody::empty(answering));
        *response.status_mut() = status;
        response
    };
    if !add_authority(&mut request, address) {
        return failed(StatusCode::BAD_REQUEST, answering);
    }
    let started = Instant::now();
    let mut taken = match within(instances.limit, instances.take(clients)).await {
        Some(Ok(taken)) => taken,
        Some(Err(error)) => {
            console.error(format!("no instance could be made: {error:#}"));
            return failed(StatusCode::INTERNAL_SERVER_ERROR, answering);
        }
        None => {
            let limit = instances.limit.unwrap_or_default();
            instances
                .statistics
                .time_limits
                .fetch_add(1, Ordering::Relaxed);
            console.error(format!(
                "a request was given up: no instance was ready for it within {limit:?} \
                 (--timeout)"
            ));
            return failed(StatusCode::SERVICE_UNAVAILABLE, answering);
        }
    };
    let exchange = client.exchange();
    let request = request.map(|body| ClientBody {
        body,
        client: client.clone(),
    });
    instances
        .statistics
        .requests
        .fetch_add(1, Ordering::Relaxed);

    let (sender, receiver) = oneshot::channel();
    let mut http = taken.instance.store.data_mut().http();
    let handed_over = http
        .new_incoming_request(Scheme::Http, request)
        .and_then(|request| Ok((request, http.new_response_outparam(sender)?)));
    let (request, out) = match handed_over {
        Ok(handed_over) => handed_over,
        Err(error) => {
            console.error(format!("a request could not be handed over: {error:#}"));
            return failed(StatusCode::INTERNAL_SERVER_ERROR, answering);
        }
    };

    // A task of its own: the guest may go on when its response was sent, and
    // when the client is gone.
    let broken = Broken::default();
    let call = tokio::spawn({
        let (instances, broken) = (instances.clone(), broken.clone());
        let client = client.clone();
        async move {
            let Instance { store, proxy, .. } = &mut taken.instance;
            let call = proxy
                .wasi_http_incoming_handler()
                .call_handle(store, request, out);
            // See `event_loop`.
            let call = unconstrained(call);
            let limit = instances
                .limit
                .map(|limit| limit.saturating_sub(started.elapsed()));
            let ended = tokio::select! {
                biased;
                ended = within(limit, call) => ended.ok_or(Failure::TimeLimit),
                () = exchange.notified() => Err(Failure::SlowClient),
            };
            client.released(&exchange);
            let statistics = &instances.statistics;
            statistics.note_calls(&mem::take(&mut taken.instance.store.data_mut().statistics));
            match ended {
                Ok(Ok(())) => {
                    instances.give_back(taken);
                    Failure::Silence
                }
                Ok(Err(error)) => {
                    broken.tell();
                    statistics.traps.fetch_add(1, Ordering::Relaxed);
                    trap::report(&error, &console);
                    Failure::Trap
                }
                Err(Failure::SlowClient) => {
                    broken.tell();
                    Failure::SlowClient
                }
                Err(_) => {
                    broken.tell();
                    statistics.time_limits.fetch_add(1, Ordering::Relaxed);
                    let limit = instances.limit.unwrap_or_default();
                    console.error(format!(
                        "a request was given up after {limit:?} (--timeout), and its instance \
                         with it"
                    ));
                    Failure::TimeLimit
                }
            }
        }
    });

    match receiver.await {
        Ok(Ok(response)) => response.map(|body| GuestBody::new(body, broken, answering)),
        Ok(Err(code)) => {
            console.error(format!("the guest answered with an error: {code}"));
            failed(StatusCode::INTERNAL_SERVER_ERROR, answering)
        }
        // The guest has ended, or has dropped what it is to answer by.
        Err(_) => match call.await {
            Ok(Failure::TimeLimit) => failed(StatusCode::GATEWAY_TIMEOUT, answering),
            Ok(Failure::SlowClient) => failed(StatusCode::REQUEST_TIMEOUT, answering),
            Ok(Failure::Trap) | Err(_) => failed(StatusCode::INTERNAL_SERVER_ERROR, answering),
            Ok(Failure::Silence) => {
                console.error("the guest returned without a response");
                failed(StatusCode::INTERNAL_SERVER_ERROR, answering)
            }
        },
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

/// What `call` gives, or nothing when `limit` is over.
async fn within<T>(limit: Option<Duration>, call: impl Future<Output = T>) -> Option<T> {
    match limit {
        None => Some(call.await),
        Some(limit) => tokio::time::timeout(limit, call).await.ok(),
    }
}
