//! Instances of the component: for one request at a time if it is for WASI 0.2,
//! and shared by many if it is for 0.3.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use wasmtime::component::Component;
use wasmtime::{Engine, Store};
use wasmtime_wasi_http::p2::bindings::{Proxy, ProxyPre};
use wasmtime_wasi_http::p3::bindings::ServicePre;

use wasip2_ground::{Console, Wasi};

use crate::arguments::{Mode, ServeArgs};
use crate::rights::Rights;
use crate::wasi::p2::denial::Denials;
use crate::wasi::p2::guest::{Guest, Streams};
use crate::wasi::p2::inside::Inside;
use crate::wasi::{p2, p3};

use super::Served;
use super::clients::Clients;
use super::permits::{Permit, Permits};
use super::shared::{Seat, Shared};
use super::statistics::Statistics;

/// The instances of one component.
pub struct Instances {
    handler: Handler,
    engine: Engine,
    /// The guest's name for itself.
    argv: [String; 1],
    /// What it is called in messages.
    pub who: String,
    /// The components that it may send to.
    inside: Inside,
    rights: Rights,
    denials: Denials,
    /// How many requests an instance may answer.
    pub reuse: u64,
    idle_timeout: Duration,
    /// The longest that one request may take.
    pub limit: Option<Duration>,
    /// Those that have nothing to do, the one that was used last at the end.
    idle: Mutex<Vec<Idle>>,
    /// One permit for each that may answer. Those that are idle have none: who
    /// gets a permit takes one of them, so that there are never more. One that is
    /// shared has its own until its end.
    pub permits: Arc<Permits>,
    /// The most memory that one may have, in bytes.
    memory: usize,
    pub statistics: Statistics,
}

/// The component, linked.
enum Handler {
    Alone(Box<ProxyPre<Guest>>),
    Shared(Arc<Shared>),
}

/// A place in an instance for one request.
pub enum Taken {
    Alone(Box<Answering>),
    Shared(Seat),
}

struct Idle {
    instance: Instance,
    since: Instant,
}

/// One instance.
pub struct Instance {
    pub store: Store<Guest>,
    pub proxy: Proxy,
    /// How many requests it has got.
    served: u64,
}

/// An instance while it answers.
pub struct Answering {
    pub instance: Instance,
    // Given back when the instance is gone, or idle.
    _permit: Permit,
}

impl Instances {
    /// None yet, of `component`, which is what is `served` and may do what
    /// `rights` say, and send to those that are `inside`.
    pub fn new(
        engine: &Engine,
        component: &Component,
        served: &Served<'_>,
        arguments: &ServeArgs,
        rights: &Rights,
        inside: Inside,
        denials: Denials,
    ) -> Result<Instances> {
        let &Served { path, wasi, .. } = served;
        let (reuse, at_once) = (arguments.reuse(wasi), arguments.at_once(wasi)?);
        let handler =
            match wasi {
                Wasi::P2 => {
                    let linked = p2::link::link(engine, component, Mode::Async, rights)?;
                    let handler = ProxyPre::new(linked).map_err(anyhow::Error::from).context(
                    "it does not export `wasi:http/incoming-handler`: is it a program for `cargo \
                     wasip2 host`?",
                )?;
                    Handler::Alone(Box::new(handler))
                }
                Wasi::P3 => {
                    let linked = p3::link::link(engine, component, rights)?;
                    let handler = ServicePre::new(linked).map_err(anyhow::Error::from).context(
                    "it does not export `wasi:http/handler`: is it a program for `cargo wasip2 \
                     host`?",
                )?;
                    Handler::Shared(Arc::new(Shared::new(handler, at_once)))
                }
            };
        let name = path.file_name().unwrap_or(path.as_os_str());
        Ok(Instances {
            handler,
            engine: engine.clone(),
            argv: [name.to_string_lossy().into_owned()],
            who: match &inside.own {
                Some(name) => format!("`{name}`"),
                None => "the guest".to_owned(),
            },
            inside,
            rights: rights.clone(),
            denials,
            reuse,
            idle_timeout: arguments.idle_instance_timeout,
            limit: arguments.timeout,
            idle: Mutex::default(),
            permits: Arc::new(Permits::new(arguments.limits.max_instances() as usize)),
            memory: arguments.limits.max_memory(),
            statistics: Statistics::default(),
        })
    }

    /// A place in an instance for the next request.
    pub async fn take(self: &Arc<Self>, clients: &Clients, console: Console) -> Result<Taken> {
        Ok(match &self.handler {
            Handler::Alone(handler) => Taken::Alone(Box::new(self.alone(handler, clients).await?)),
            Handler::Shared(shared) => Taken::Shared(shared.take(self, clients, console).await?),
        })
    }

    /// An instance for the next request: the one that was used last, or a new
    /// one. Where there are enough, it waits for one, and clients that keep
    /// theirs waiting lose it.
    async fn alone(&self, handler: &ProxyPre<Guest>, clients: &Clients) -> Result<Answering> {
        let permit = clients.acquire(&self.permits).await;
        let idle = self.idle().pop();
        let mut instance = match idle {
            Some(idle) => idle.instance,
            None => self.make(handler).await?,
        };
        instance.served += 1;
        self.statistics.note_at_once(1, instance.served);
        instance.store.set_epoch_deadline(1);
        Ok(Answering {
            instance,
            _permit: permit,
        })
    }

    async fn make(&self, handler: &ProxyPre<Guest>) -> Result<Instance> {
        let mut store = self.store()?;
        let proxy = handler.instantiate_async(&mut store).await?;
        self.statistics.instances.fetch_add(1, Ordering::Relaxed);
        Ok(Instance {
            store,
            proxy,
            served: 0,
        })
    }

    /// What an instance is made in.
    pub fn store(&self) -> Result<Store<Guest>> {
        let guest = Guest::new(
            &self.argv,
            Streams::Output,
            &self.rights,
            self.denials.clone(),
        )?;
        let mut store = Store::new(&self.engine, guest);
        store.data_mut().reach(self.inside.clone());
        store.data_mut().memory.most = self.memory;
        store.limiter(|guest| &mut guest.memory);
        // A guest that computes gives others their turn.
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        Ok(store)
    }

    /// Keeps `instance` for another request, if it may have one.
    pub fn give_back(&self, answering: Answering) {
        let Answering {
            mut instance,
            _permit: permit,
        } = answering;
        let resources = instance.store.data_mut().table.iter_mut().count();
        self.statistics.note_resources(resources);
        if instance.served < self.reuse {
            self.idle().push(Idle {
                instance,
                since: Instant::now(),
            });
        } else {
            drop(instance);
        }
        drop(permit);
    }

    /// Drops those that have had nothing to do for too long, from time to
    /// time, for ever.
    pub async fn drop_idle(&self) {
        loop {
            tokio::time::sleep(self.idle_timeout / 2).await;
            while self.drop_one() {}
            if let Handler::Shared(shared) = &self.handler {
                shared.drop_idle(self.idle_timeout);
            }
        }
    }

    /// Drops the one that has been idle for the longest time, if that is too
    /// long.
    fn drop_one(&self) -> bool {
        let mut idle = self.idle();
        let old = (idle.first()).is_some_and(|first| first.since.elapsed() >= self.idle_timeout);
        if old {
            // Not after the lock: its place in the pool could be wanted before
            // it is free.
            drop(idle.remove(0));
        }
        old
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().expect("nothing that holds this panics")
    }
}
