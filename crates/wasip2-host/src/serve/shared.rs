//! Instances of a component of WASI 0.3, each for many requests at once.
//!
//! A request goes to an instance whose guest waits, the one that has the fewest,
//! and to a new one while all of them compute for other requests: so requests
//! share what an instance keeps, and none waits for another's computation if
//! there may be one more.

use std::future::{Future, poll_fn};
use std::mem;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Context;
use std::time::{Duration, Instant};

use http::uri::{Authority, Scheme};
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::unconstrained;
use wasmtime::Store;
use wasmtime::component::{Accessor, AccessorTask};
use wasmtime_wasi_http::p3::Request as HostRequest;
use wasmtime_wasi_http::p3::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::p3::bindings::{Service, ServicePre};
use wasmtime_wasi_http::{FieldMap, WasiBody, WasiHttpView};

use crate::trap;
use crate::wasi::p2::guest::Guest;
use wasip2_ground::Console;

use super::broken::Broken;
use super::call::within;
use super::clients::Clients;
use super::instances::Instances;
use super::permits::Permit;
use super::transmission::{Place, Transmission};

/// How long to wait for a place before clients that keep theirs waiting lose it.
const PAUSE: Duration = Duration::from_millis(50);

/// How long an instance that gets no more requests may go on with what none
/// waits for, unless there is a time limit for requests.
const LAST: Duration = Duration::from_secs(60);

/// The instances of one component.
pub struct Shared {
    handler: Arc<ServicePre<Guest>>,
    /// How many requests one may have at once.
    at_once: usize,
    /// Those that take requests.
    all: Mutex<Vec<Arc<Instance>>>,
    /// Held while one is made, so that requests which come at once share it.
    making: tokio::sync::Mutex<()>,
    /// Told when an instance may have another request.
    freed: Notify,
}

/// One instance, which a task of its own runs.
struct Instance {
    state: Mutex<State>,
    /// Its guest runs at this moment.
    computes: AtomicBool,
    /// Told when it has no request.
    empty: Notify,
    /// Told when it is to end, whatever it does.
    kill: Notify,
    /// Told before its store goes with responses that were not sent.
    broken: Broken,
}

struct State {
    /// None if it gets no more requests.
    asks: Option<mpsc::UnboundedSender<Ask>>,
    /// How many requests it has.
    active: usize,
    /// How many it has got.
    got: u64,
    /// A request was given up that it still works on.
    stuck: bool,
    /// Since when it has had nothing to do.
    idle: Option<Instant>,
}

/// A place in an instance, for one request until its response is sent.
pub struct Seat {
    instance: Arc<Instance>,
    shared: Arc<Shared>,
    asks: Option<mpsc::UnboundedSender<Ask>>,
}

/// A request for an instance.
struct Ask {
    request: Request<WasiBody>,
    scheme: Scheme,
    authority: Authority,
    answer: oneshot::Sender<Answered>,
    place: Arc<Place>,
}

/// What comes of a request.
pub type Answered = Result<Response<WasiBody>, ErrorCode>;

/// A request that an instance has.
pub struct Asked {
    pub answer: oneshot::Receiver<Answered>,
    /// Told when its time is over, which it is not where this is gone.
    pub expired: oneshot::Receiver<()>,
    pub broken: Broken,
}

impl Shared {
    /// None yet.
    pub fn new(handler: ServicePre<Guest>, at_once: usize) -> Shared {
        Shared {
            handler: Arc::new(handler),
            at_once,
            all: Mutex::default(),
            making: tokio::sync::Mutex::default(),
            freed: Notify::new(),
        }
    }

    /// A place for the next request. Where there is none, it waits for one, and
    /// clients that keep theirs waiting lose it.
    pub async fn take(
        self: &Arc<Self>,
        instances: &Arc<Instances>,
        clients: &Clients,
        console: Console,
    ) -> anyhow::Result<Seat> {
        loop {
            if let Some(seat) = self.seat(instances, false) {
                return Ok(seat);
            }
            if let Some(permit) = instances.permits.try_take() {
                let _making = match self.at_once.min(instances.reuse as usize) {
                    1 => None,
                    _ => Some(self.making.lock().await),
                };
                if let Some(seat) = self.seat(instances, false) {
                    return Ok(seat);
                }
                return self.make(instances, permit, console).await;
            }
            if let Some(seat) = self.seat(instances, true) {
                return Ok(seat);
            }
            let freed = tokio::time::timeout(PAUSE, self.freed.notified());
            if freed.await.is_err() {
                clients.free_an_instance();
            }
        }
    }

    /// A place in an instance that there is, even in one whose guest computes.
    fn seat(self: &Arc<Self>, instances: &Instances, computes: bool) -> Option<Seat> {
        let all = self.all();
        let free = all.iter().filter_map(|instance| {
            let state = instance.state();
            let takes = state.asks.is_some() && state.active < self.at_once;
            let takes = takes
                && (computes || state.active == 0 || !instance.computes.load(Ordering::Relaxed));
            takes.then_some((state.active, instance))
        });
        let (_, instance) = free.min_by_key(|(active, _)| *active)?;
        Some(self.sit(instance.clone(), instances))
    }

    fn sit(self: &Arc<Self>, instance: Arc<Instance>, instances: &Instances) -> Seat {
        let mut state = instance.state();
        state.active += 1;
        state.got += 1;
        state.idle = None;
        instances.statistics.note_at_once(state.active, state.got);
        let asks = match state.got >= instances.reuse {
            true => state.asks.take(),
            false => state.asks.clone(),
        };
        drop(state);
        Seat {
            instance,
            shared: self.clone(),
            asks,
        }
    }

    async fn make(
        self: &Arc<Self>,
        instances: &Arc<Instances>,
        permit: Permit,
        console: Console,
    ) -> anyhow::Result<Seat> {
        let mut store = instances.store()?;
        store.data_mut().on_stall = Some(Box::new(move || console.warn(STALL)));
        let service = self.handler.instantiate_async(&mut store).await?;
        instances
            .statistics
            .instances
            .fetch_add(1, Ordering::Relaxed);
        let (asks, asked) = mpsc::unbounded_channel();
        let instance = Arc::new(Instance {
            state: Mutex::new(State {
                asks: Some(asks),
                active: 0,
                got: 0,
                stuck: false,
                idle: None,
            }),
            computes: AtomicBool::new(false),
            empty: Notify::new(),
            kill: Notify::new(),
            broken: Broken::default(),
        });
        let seat = self.sit(instance.clone(), instances);
        self.all().push(instance.clone());
        tokio::spawn({
            let (shared, instances) = (self.clone(), instances.clone());
            let service = Arc::new(service);
            async move {
                let ended = instance.run(&mut store, service, asked, &instances).await;
                shared.remove(&instance);
                let waitables = store.concurrent_state_table_size();
                let guest = store.data_mut();
                let resources = guest.table.iter_mut().count();
                let counted = mem::take(&mut guest.statistics);
                instances.statistics.note_calls(&counted);
                if let Err(error) = ended {
                    instance.broken.tell();
                    instances.statistics.traps.fetch_add(1, Ordering::Relaxed);
                    trap::report(&error, &console);
                    let active = instance.state().active;
                    if active > 1 {
                        console.error(format!(
                            "the {active} requests that this instance of {} had end with it",
                            instances.who
                        ));
                    }
                } else {
                    instances.statistics.note_resources(resources);
                    instances.statistics.note_waitables(waitables);
                }
                drop(store);
                drop(permit);
                shared.freed.notify_one();
            }
        });
        Ok(seat)
    }

    /// Has those end that have had nothing to do for so long.
    pub fn drop_idle(&self, timeout: Duration) {
        let mut all = self.all();
        all.retain(|instance| {
            let mut state = instance.state();
            let old = state.idle.is_some_and(|since| since.elapsed() >= timeout);
            if old {
                state.asks = None;
            }
            !old && state.asks.is_some()
        });
    }

    fn remove(&self, instance: &Arc<Instance>) {
        instance.state().asks = None;
        self.all().retain(|other| !Arc::ptr_eq(other, instance));
    }

    fn all(&self) -> MutexGuard<'_, Vec<Arc<Instance>>> {
        self.all.lock().expect("nothing that holds this panics")
    }
}

/// What is said when a guest waits through 0.2.
const STALL: &str = "the guest waits through WASI 0.2 (`wasi:io/poll`), as `std::thread::sleep` \
                     does: all requests of its instance stand still meanwhile";

impl Instance {
    /// Runs it until it has had its last request, and what it does afterwards.
    async fn run(
        &self,
        store: &mut Store<Guest>,
        service: Arc<Service>,
        mut asked: mpsc::UnboundedReceiver<Ask>,
        instances: &Instances,
    ) -> wasmtime::Result<()> {
        let last = instances.limit.unwrap_or(LAST);
        let living = store.run_concurrent(async |accessor: &Accessor<Guest>| {
            loop {
                let ask = tokio::select! {
                    biased;
                    ask = asked.recv() => ask,
                    () = self.quiet(accessor) => {
                        self.note_quiet();
                        asked.recv().await
                    }
                };
                match ask {
                    Some(ask) => accessor.spawn(Answer(ask, service.clone()))?,
                    None => break,
                };
            }
            self.emptied().await;
            within(Some(last), self.quiet(accessor)).await;
            Ok(())
        });
        let mut living = pin!(unconstrained(async { living.await.flatten() }));
        let living = poll_fn(|cx: &mut Context<'_>| {
            self.computes.store(true, Ordering::Relaxed);
            let ended = living.as_mut().poll(cx);
            self.computes.store(false, Ordering::Relaxed);
            ended
        });
        tokio::select! {
            biased;
            ended = living => ended,
            () = self.kill.notified() => {
                self.broken.tell();
                Ok(())
            }
        }
    }

    /// Waits until it has no request, and does nothing.
    async fn quiet(&self, accessor: &Accessor<Guest>) {
        self.emptied().await;
        poll_fn(|cx| accessor.poll_no_interesting_tasks(cx)).await;
    }

    fn note_quiet(&self) {
        let mut state = self.state();
        if state.active == 0 {
            state.idle = Some(Instant::now());
        }
    }

    async fn emptied(&self) {
        while self.state().active > 0 {
            self.empty.notified().await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing that holds this panics")
    }
}

impl Seat {
    /// Has the instance answer `request`, whose client calls it `authority`, for
    /// as long as `limit` allows; when that is over, `tell` says so.
    pub fn ask(
        mut self,
        request: Request<WasiBody>,
        scheme: Scheme,
        authority: Authority,
        limit: Option<Duration>,
        tell: impl FnOnce() + Send + 'static,
    ) -> Asked {
        let broken = self.instance.broken.clone();
        let asks = self.asks.take();
        let (answer, answered) = oneshot::channel();
        let (expire, expired) = oneshot::channel();
        let (place, left) = Place::new(self);
        if let Some(limit) = limit {
            let place = Arc::downgrade(&place);
            tokio::spawn(async move {
                tokio::select! {
                    () = tokio::time::sleep(limit) => {}
                    _ = left => return,
                }
                if let Some(seat) = place.upgrade().and_then(|place| place.cut()) {
                    tell();
                    let _ = expire.send(());
                    seat.give_up();
                }
            });
        }
        if let Some(asks) = asks {
            let _ = asks.send(Ask {
                request,
                scheme,
                authority,
                answer,
                place,
            });
        }
        Asked {
            answer: answered,
            expired,
            broken,
        }
    }

    /// The request was given up. The instance gets no more, and ends when it has
    /// no other.
    fn give_up(self) {
        let mut state = self.instance.state();
        state.stuck = true;
        state.asks = None;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.instance.state();
        state.active -= 1;
        if state.active == 0 {
            self.instance.empty.notify_one();
            if state.stuck {
                self.instance.kill.notify_one();
            }
        }
        drop(state);
        self.shared.freed.notify_one();
    }
}

/// Has a guest answer one request.
struct Answer(Ask, Arc<Service>);

impl AccessorTask<Guest> for Answer {
    async fn run(self, accessor: &Accessor<Guest>) -> wasmtime::Result<()> {
        let Answer(ask, service) = self;
        let Ask {
            request,
            scheme,
            authority,
            answer,
            place,
        } = ask;
        let is_head = request.method() == Method::HEAD;
        let request = accessor.with(|mut store| {
            let (parts, body) = request.into_parts();
            let headers = FieldMap::new_immutable(store.data_mut().http().hooks, parts.headers);
            let path = parts.uri.into_parts().path_and_query;
            let (scheme, authority) = (Some(scheme), Some(authority));
            HostRequest::new(parts.method, scheme, authority, path, headers, None, body).0
        });
        let answered = match service.handle(accessor, request).await? {
            Ok(response) => {
                let (told, telling) = oneshot::channel();
                let transmitted = async move { telling.await.unwrap_or(Ok(())) };
                let response = accessor.with(|store| response.into_http(store, transmitted))?;
                let none = is_head || matches!(response.status().as_u16(), 100..=199 | 204 | 304);
                Ok(response.map(|body| Transmission::new(body, none, told, place).boxed_unsync()))
            }
            Err(code) => Err(code),
        };
        // Who asked may be gone.
        let _ = answer.send(answered);
        Ok(())
    }
}
