//! A request in the hands of an instance, whoever has sent it.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::HOST;
use http::uri::{self, Authority};
use http::{Request, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::sync::{Notify, oneshot};
use tokio::task::{JoinHandle, unconstrained};
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::{Error, WasiBody, WasiHttpView};

use crate::trap;
use wasip2_ground::Console;

use super::broken::Broken;
use super::clients::{Client, Clients};
use super::instances::{Answering, Instance, Instances, Taken};
use super::shared::{Asked, Seat};

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
pub enum Call {
    Alone(Alone),
    Shared(Together),
}

/// One that has this request alone.
pub struct Alone {
    response: oneshot::Receiver<Result<http::Response<HyperOutgoingBody>, ErrorCode>>,
    task: JoinHandle<Failure>,
    broken: Broken,
    console: Console,
    /// Whose instance it is.
    who: String,
}

/// One that may have others, too.
pub struct Together {
    asked: Asked,
    console: Console,
    who: String,
}

/// A place in an instance for a request, or the status that says why there is
/// none.
pub async fn take(
    instances: &Arc<Instances>,
    clients: &Clients,
    console: &Console,
) -> Result<Taken, StatusCode> {
    match within(instances.limit, instances.take(clients, *console)).await {
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
    /// Has the instance `taken` answer `request`, which came at `started`.
    pub fn start<B>(
        request: Request<B>,
        scheme: Scheme,
        taken: Taken,
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
        Ok(match taken {
            Taken::Alone(taken) => Call::Alone(Alone::start(
                request, scheme, *taken, started, waiting, instances, console,
            )?),
            Taken::Shared(seat) => Call::Shared(Together::start(
                request, scheme, seat, started, instances, console,
            )?),
        })
    }

    /// The response, whose body ends before its end if the guest is broken; or
    /// the status that says why there is none.
    pub async fn response(self) -> Result<(http::Response<WasiBody>, Broken), StatusCode> {
        match self {
            Call::Alone(call) => call.response().await,
            Call::Shared(call) => call.response().await,
        }
    }
}

impl Together {
    fn start<B>(
        request: Request<B>,
        scheme: Scheme,
        seat: Seat,
        started: Instant,
        instances: &Arc<Instances>,
        console: Console,
    ) -> Result<Together, StatusCode>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Error>,
    {
        let request = request.map(|body| body.map_err(Into::into).boxed_unsync());
        let host = || request.headers().get(HOST)?.to_str().ok()?.parse().ok();
        let authority: Option<Authority> = match request.uri().authority() {
            Some(authority) => Some(authority.clone()),
            None => host(),
        };
        // No guest could be told another one.
        let authority = authority.ok_or(StatusCode::BAD_REQUEST)?;
        let scheme = match scheme {
            Scheme::Https => uri::Scheme::HTTPS,
            _ => uri::Scheme::HTTP,
        };
        let limit = instances.limit;
        let left = limit.map(|limit| limit.saturating_sub(started.elapsed()));
        let tell = {
            let instances = instances.clone();
            move || {
                let statistics = &instances.statistics;
                statistics.time_limits.fetch_add(1, Ordering::Relaxed);
                let limit = limit.unwrap_or_default();
                console.error(format!(
                    "a request was given up after {limit:?} (--timeout), and its instance gets no \
                     other"
                ));
            }
        };
        Ok(Together {
            asked: seat.ask(request, scheme, authority, left, tell),
            console,
            who: instances.who.clone(),
        })
    }

    async fn response(self) -> Result<(http::Response<WasiBody>, Broken), StatusCode> {
        let Asked {
            answer,
            expired,
            broken,
        } = self.asked;
        let answered = tokio::select! {
            biased;
            // Told before its instance ends for it.
            Ok(()) = expired => return Err(StatusCode::GATEWAY_TIMEOUT),
            answered = answer => answered,
        };
        match answered {
            Ok(Ok(response)) => Ok((response, broken)),
            Ok(Err(code)) => {
                let who = &self.who;
                self.console
                    .error(format!("{who} answered with an error: {code}"));
                Err(StatusCode::INTERNAL_SERVER_ERROR)
            }
            // Its instance has ended, which was told of.
            Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

impl Alone {
    /// As a task of its own: the guest may go on when its response was sent, and
    /// when who asked is gone.
    fn start<B>(
        request: Request<B>,
        scheme: Scheme,
        mut taken: Answering,
        started: Instant,
        waiting: Option<Waiting>,
        instances: &Arc<Instances>,
        console: Console,
    ) -> Result<Alone, StatusCode>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Error>,
    {
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
        Ok(Alone {
            response,
            task,
            broken,
            console,
            who,
        })
    }

    async fn response(self) -> Result<(http::Response<WasiBody>, Broken), StatusCode> {
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
