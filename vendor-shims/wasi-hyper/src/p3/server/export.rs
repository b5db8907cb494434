//! The runtime of an instance, which its requests share.

use std::any::Any;
use std::cell::{Cell, OnceCell};
use std::error::Error as StdError;
use std::time::{Duration, Instant};

use http::{Request, Response, StatusCode};
use http_body::Body;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime, RuntimeMetrics};
use tower_service::Service;
use wasi_waitable::export::{Cancel, Executor, Rest};
use wasip3::http::types;

use super::exchange::{answer, empty};
use super::report::report;
use crate::tokio::Tokio;
use crate::Incoming;

/// How long tasks that outlive their response go on, unless
/// [`serve!`](crate::serve) says otherwise.
pub const LINGER: Duration = Duration::from_secs(5);

/// What one instance of the component keeps from request to request.
pub(super) struct Instance<S> {
    runtime: LocalRuntime,
    metrics: RuntimeMetrics,
    /// Each request has a clone of it.
    service: S,
    /// How long tasks may go on without a request.
    limit: Duration,
    /// How many requests there are whose response is not sent.
    exchanges: Cell<usize>,
    /// How many tasks there were before these.
    before: Cell<usize>,
    /// Since when there are none of these, though there are tasks.
    since: Cell<Option<Instant>>,
}

thread_local! {
    // A thread, the only one, is what an instance has. It holds an `Instance`,
    // which is never dropped.
    static INSTANCE: OnceCell<&'static dyn Any> = const { OnceCell::new() };
}

/// Makes the instance: its runtime, and within it the service.
pub(super) fn make<S, B>(make: impl FnOnce() -> S, limit: Duration) -> &'static dyn Executor
where
    S: Service<Request<Incoming<Tokio>>, Response = Response<B>> + Clone + 'static,
{
    let instance: &'static Instance<S> = Box::leak(Box::new(Instance::new(make, limit)));
    INSTANCE.with(|slot| {
        let made = slot.set(instance);
        assert!(made.is_ok(), "an instance has one service");
    });
    instance
}

impl<S: 'static> Instance<S> {
    /// The one that was made.
    pub(super) fn get() -> &'static Instance<S> {
        let instance = INSTANCE.with(|slot| slot.get().copied());
        instance
            .and_then(|instance| instance.downcast_ref())
            .expect("an instance has one service")
    }

    fn new(make: impl FnOnce() -> S, limit: Duration) -> Instance<S> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())
            .expect("the instance's Tokio runtime could not be made");
        let service = {
            // It may spawn, too.
            let _entered = runtime.enter();
            make()
        };
        Instance {
            metrics: runtime.metrics(),
            runtime,
            service,
            limit,
            exchanges: Cell::new(0),
            before: Cell::new(0),
            since: Cell::new(None),
        }
    }

    /// Has the service answer `request`, later, and `respond` be given what makes
    /// the response.
    pub(super) fn begin<B>(
        &'static self,
        request: types::Request,
        respond: impl FnOnce(Box<dyn FnOnce() -> types::Response>) + 'static,
    ) -> Cancel
    where
        S: Service<Request<Incoming<Tokio>>, Response = Response<B>> + Clone,
        S::Error: Into<Box<dyn StdError + Send + Sync>>,
        B: Body + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        if self.exchanges.get() == 0 {
            self.before.set(self.metrics.num_alive_tasks());
        }
        let exchange = Exchange::of(&self.exchanges);
        let mut responder = Responder(Some(respond));
        let task = self.runtime.spawn_local(async move {
            let _exchange = exchange;
            let service = self.service.clone();
            let respond = |response| responder.respond(Box::new(move || response));
            if let Err(error) = answer(request, service, Tokio, respond).await {
                report(&error);
            }
        });
        let task = task.abort_handle();
        Box::new(move || task.abort())
    }
}

impl<S> Executor for Instance<S> {
    fn run(&self) -> Rest {
        let wake = self.runtime.drive();
        if self.exchanges.get() > 0 || self.metrics.num_alive_tasks() <= self.before.get() {
            self.since.set(None);
            let stay = self.exchanges.get() > 0;
            return Rest { wake, stay };
        }
        let since = self.since.get().unwrap_or_else(Instant::now);
        self.since.set(Some(since));
        let left = self.limit.saturating_sub(since.elapsed());
        Rest {
            wake: Some(wake.map_or(left, |wake| wake.min(left))),
            stay: !left.is_zero(),
        }
    }
}

/// One request whose response is not sent, for as long as it lives.
struct Exchange(&'static Cell<usize>);

impl Exchange {
    fn of(number: &'static Cell<usize>) -> Exchange {
        number.set(number.get() + 1);
        Exchange(number)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// Responds once, with status 500 if nothing else has come when it is dropped:
/// a panic has ended the task. Of a request that was cancelled it is not looked
/// at.
struct Responder<F>(Option<F>)
where
    F: FnOnce(Box<dyn FnOnce() -> types::Response>);

impl<F> Responder<F>
where
    F: FnOnce(Box<dyn FnOnce() -> types::Response>),
{
    fn respond(&mut self, response: Box<dyn FnOnce() -> types::Response>) {
        if let Some(respond) = self.0.take() {
            respond(response);
        }
    }
}

impl<F> Drop for Responder<F>
where
    F: FnOnce(Box<dyn FnOnce() -> types::Response>),
{
    fn drop(&mut self) {
        self.respond(Box::new(|| empty(StatusCode::INTERNAL_SERVER_ERROR)));
    }
}
