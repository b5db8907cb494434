//! A request in the hands of an instance, whoever has sent it.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body::Body;
use tokio::sync::{Notify, oneshot};
use tokio::task::{JoinHandle, unconstrained};
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::{Error, WasiHttpView};

use crate::trap;
use wasip2_ground::Console;

use super::broken::Broken;
use super::clients::{Client, Clients};
use super::instances::{Answering, Instance, Instances};

/// Why a guest gave no response.
#[derive(Clone, Copy)]
enum Failure {
    /// It was told of in the console.
    Trap,
    TimeLimit,
    /// Its client was given up.
    SlowClient,
    /// It returned without one.
    Silence,
}

/// A connection that waits for the response, and what tells of its end.
pub type Waiting = (Arc<Client>, Arc<Notify>);

/// An instance at work.
pub struct Call {
    response: oneshot::Receiver<Result<http::Response<HyperOutgoingBody>, ErrorCode>>,
    task: JoinHandle<Failure>,
    broken: Broken,
    console: Console,
    /// Whose instance it is.
    who: String,
}

/// An instance for a request that came at `started`, or the status that says
/// why there is none.
pub async fn take(
    instances: &Instances,
    clients: &Clients,
    console: &Console,
) -> Result<Answering, StatusCode> {
    match within(instances.limit, instances.take(clients)).await {
        Some(Ok(taken)) => Ok(taken),
        Some(Err(error)) => {
            let who = &instances.who;
            console.error(format!("no instance of {who} could be made: {error:#}"));
            Err(StatusCode::INTERNAL_SERVER_ERROR)
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
            Err(StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}

impl Call {
    /// Has the instance `taken` answer `request`, which came at `started`, as a
    /// task of its own: the guest may go on when its response was sent, and
    /// when who asked is gone.
    pub fn start<B>(
        request: Request<B>,
        scheme: Scheme,
        mut taken: Answering,
        started: Instant,
        waiting: Option<Waiting>,
        instances: &Arc<Instances>,
        console: Console,
    ) -> Result<Call, StatusCode>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Error>,
    {
        instances
            .statistics
            .requests
            .fetch_add(1, Ordering::Relaxed);
        let broken = Broken::default();
        let (sender, response) = oneshot::channel();
        let guest = taken.instance.store.data_mut();
        let mut http = guest.http();
        let handed_over = http
            .new_incoming_request(scheme, request)
            .and_then(|request| Ok((request, http.new_response_outparam(sender)?)));
        let (request, out) = handed_over.map_err(|error| {
            console.error(format!("a request could not be handed over: {error:#}"));
            StatusCode::INTERNAL_SERVER_ERROR
        })?;
        let who = instances.who.clone();
        let task = tokio::spawn({
            let (instances, broken) = (instances.clone(), broken.clone());
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
                let given_up = async {
                    match &waiting {
                        Some((_, exchange)) => exchange.notified().await,
                        None => std::future::pending().await,
                    }
                };
                let ended = tokio::select! {
                    biased;
                    ended = within(limit, call) => ended.ok_or(Failure::TimeLimit),
                    () = given_up => Err(Failure::SlowClient),
                };
                if let Some((client, exchange)) = &waiting {
                    client.released(exchange);
                }
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
        Ok(Call {
            response,
            task,
            broken,
            console,
            who,
        })
    }

    /// The response, whose body ends before its end if the guest is broken; or
    /// the status that says why there is none.
    pub async fn response(self) -> Result<(http::Response<HyperOutgoingBody>, Broken), StatusCode> {
        let who = &self.who;
        match self.response.await {
            Ok(Ok(response)) => Ok((response, self.broken)),
            Ok(Err(code)) => {
                self.console
                    .error(format!("{who} answered with an error: {code}"));
                Err(StatusCode::INTERNAL_SERVER_ERROR)
            }
            // The guest has ended, or has dropped what it is to answer by.
            Err(_) => Err(match self.task.await {
                Ok(Failure::TimeLimit) => StatusCode::GATEWAY_TIMEOUT,
                Ok(Failure::SlowClient) => StatusCode::REQUEST_TIMEOUT,
                Ok(Failure::Trap) | Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
                Ok(Failure::Silence) => {
                    self.console
                        .error(format!("{who} returned without a response"));
                    StatusCode::INTERNAL_SERVER_ERROR
                }
            }),
        }
    }
}

/// What `call` gives, or nothing when `limit` is over.
pub async fn within<T>(limit: Option<Duration>, call: impl Future<Output = T>) -> Option<T> {
    match limit {
        None => Some(call.await),
        Some(limit) => tokio::time::timeout(limit, call).await.ok(),
    }
}
