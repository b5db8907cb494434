//! Hosts that are components in this process, to which a guest can send.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::Request;
use wasmtime_wasi_http::{RequestOptions, WasiBody};

use super::exchange::Exchange;

/// What comes of a request.
pub type Answer = Pin<Box<dyn Future<Output = wasmtime_wasi_http::Result<Exchange>> + Send>>;

/// A component that answers requests.
pub trait Handler: Send + Sync {
    /// Has an instance answer `request`, whose body ends before its end if the
    /// guest that sends it is `broken`.
    fn answer(&self, request: Request<WasiBody>, options: RequestOptions) -> Answer;
}

/// Those that there are, and those that one guest may send to.
#[derive(Clone, Default)]
pub struct Inside {
    /// By name.
    pub reached: Arc<BTreeMap<String, Arc<dyn Handler>>>,
    /// The names of all: what is sent to one never leaves this process.
    pub all: Arc<BTreeSet<String>>,
    /// The guest's own name, if it is one of them.
    pub own: Option<Arc<str>>,
}

impl fmt::Debug for Inside {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.reached.keys()).finish()
    }
}
