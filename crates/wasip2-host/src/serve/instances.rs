//! Instances of the component, each for one request at a time.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::Component;
use wasmtime::{Engine, Store};
use wasmtime_wasi_http::p2::bindings::{Proxy, ProxyPre};

use crate::arguments::{Mode, ServeArgs};
use crate::rights::Rights;
use crate::wasi::p2::denial::Denials;
use crate::wasi::p2::guest::{Guest, Streams};
use crate::wasi::p2::link;

use super::statistics::Statistics;

/// How many instances there can be at once; further requests wait.
pub const MOST: u32 = 1000;

/// The instances of one component.
pub struct Instances {
    handler: ProxyPre<Guest>,
    /// The guest's name for itself.
    argv: [String; 1],
    rights: Rights,
    denials: Denials,
    /// How many requests an instance may answer.
    reuse: u64,
    idle_timeout: Duration,
    /// The longest that one request may take.
    pub limit: Option<Duration>,
    /// Those that have nothing to do, the one that was used last at the end.
    idle: Mutex<Vec<Idle>>,
    /// One permit for each that may be made.
    permits: Arc<Semaphore>,
    pub statistics: Statistics,
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
    // Given back when the store is gone.
    _permit: OwnedSemaphorePermit,
}

impl Instances {
    /// None yet, of `component`, which was read from `path`.
    pub fn new(
        engine: &Engine,
        component: &Component,
        path: &Path,
        arguments: &ServeArgs,
        denials: Denials,
    ) -> Result<Instances> {
        let linked = link::link(engine, component, Mode::Async, &arguments.rights)?;
        let handler = ProxyPre::new(linked).map_err(anyhow::Error::from).context(
            "it does not export `wasi:http/incoming-handler`: is it a program for `cargo \
                 wasip2 host`?",
        )?;
        let name = path.file_name().unwrap_or(path.as_os_str());
        Ok(Instances {
            handler,
            argv: [name.to_string_lossy().into_owned()],
            rights: arguments.rights.clone(),
            denials,
            reuse: arguments.max_instance_reuse_count,
            idle_timeout: arguments.idle_instance_timeout,
            limit: arguments.timeout,
            idle: Mutex::default(),
            permits: Arc::new(Semaphore::new(MOST as usize)),
            statistics: Statistics::default(),
        })
    }

    /// An instance for the next request: the one that was used last, or a new
    /// one.
    pub async fn take(&self) -> Result<Instance> {
        let idle = self.idle().pop();
        let mut instance = match idle {
            Some(idle) => idle.instance,
            None => self.make().await?,
        };
        instance.served += 1;
        if self.limit.is_some() {
            instance.store.set_epoch_deadline(1);
            instance.store.epoch_deadline_async_yield_and_update(1);
        }
        Ok(instance)
    }

    async fn make(&self) -> Result<Instance> {
        let permit = self.permits.clone().acquire_owned().await?;
        let guest = Guest::new(
            &self.argv,
            Streams::Inherited,
            &self.rights,
            self.denials.clone(),
        )?;
        let mut store = Store::new(self.handler.engine(), guest);
        // Looked at where there is a time limit.
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let proxy = self.handler.instantiate_async(&mut store).await?;
        self.statistics.instances.fetch_add(1, Ordering::Relaxed);
        Ok(Instance {
            store,
            proxy,
            served: 0,
            _permit: permit,
        })
    }

    /// Keeps `instance` for another request, if it may have one.
    pub fn give_back(&self, mut instance: Instance) {
        let resources = instance.store.data_mut().table.iter_mut().count();
        self.statistics.note_resources(resources);
        if instance.served < self.reuse {
            self.idle().push(Idle {
                instance,
                since: Instant::now(),
            });
        }
    }

    /// Drops those that have had nothing to do for too long, from time to
    /// time, for ever.
    pub async fn drop_idle(&self) {
        loop {
            tokio::time::sleep(self.idle_timeout / 2).await;
            let now = Instant::now();
            let old: Vec<Idle> = {
                let mut idle = self.idle();
                let fresh = idle
                    .iter()
                    .position(|idle| now - idle.since < self.idle_timeout)
                    .unwrap_or(idle.len());
                idle.drain(..fresh).collect()
            };
            drop(old);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().expect("nothing that holds this panics")
    }
}
