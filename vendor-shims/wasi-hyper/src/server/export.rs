//! The export of a component, and the runtime of its instance.

use std::any::Any;
use std::cell::OnceCell;
use std::error::Error as StdError;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use tokio::runtime::{Builder, Handle, Runtime};
use tower_service::Service;
use wasip2::http::types::{IncomingRequest, ResponseOutparam};

use super::exchange::exchange;
use super::linger::linger;
use super::report::report;
use crate::tokio::Tokio;
use crate::Incoming;

/// How long tasks that outlive their response go on, unless
/// [`serve!`](crate::serve) says otherwise.
pub const LINGER: Duration = Duration::from_secs(5);

/// For how many events that come at once the runtime has memory from the start.
const EVENTS: usize = 4;

/// What one instance of the component keeps from request to request.
struct Instance<S> {
    runtime: Runtime,
    /// Each request has a clone of it.
    service: S,
}

thread_local! {
    // A thread, the only one, is what an instance has. It holds an `Instance`.
    static INSTANCE: OnceCell<Box<dyn Any>> = const { OnceCell::new() };
}

/// `handle(request, out, make, limit)`—Has the instance's service answer
/// `request`, on the instance's runtime, and waits for tasks that outlive the
/// response for at most `limit`.
///
/// The first call makes the runtime, and within it the service. It is what
/// [`serve!`](crate::serve) exports.
///
/// # Panics
///
/// If the runtime cannot be made, or if the instance has a service of another
/// type: it can have one only.
///
/// # References
///
/// - [`wasi:http/incoming-handler.handle`]
///
/// [`wasi:http/incoming-handler.handle`]: https://github.com/WebAssembly/wasi-http/blob/main/wit/handler.wit
pub fn handle<S, B>(
    request: IncomingRequest,
    out: ResponseOutparam,
    make: impl FnOnce() -> S,
    limit: Duration,
) where
    S: Service<Request<Incoming<Tokio>>, Response = Response<B>> + Clone + 'static,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    INSTANCE.with(|instance| {
        let Instance { runtime, service } = instance
            .get_or_init(|| Box::new(Instance::new(make)))
            .downcast_ref::<Instance<S>>()
            .expect("an instance has one service");
        let metrics = runtime.metrics();
        let before = metrics.num_alive_tasks();
        runtime.block_on(async {
            // On the stack: an instance for one request has no use for its memory
            // twice, and may have to ask its host for more.
            let exchange = exchange(request, out, service.clone(), Tokio, is_alone);
            if let Err(error) = exchange.await {
                report(&error);
            }
            linger(&metrics, before, limit).await;
        });
    });
}

impl<S> Instance<S> {
    fn new(make: impl FnOnce() -> S) -> Instance<S> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_io_events_per_tick(EVENTS)
            .build()
            .expect("the instance's Tokio runtime could not be made");
        let service = {
            // It may spawn, too.
            let _entered = runtime.enter();
            make()
        };
        Instance { runtime, service }
    }
}

/// Whether the runtime has nothing but the request that it handles.
fn is_alone() -> bool {
    Handle::current().metrics().num_alive_tasks() == 0
}

/// `serve!(make)`—Exports `wasi:http/incoming-handler`, served by the service
/// that `make()` gives.
///
/// `make` is called once for each instance of the component, within its
/// runtime. The service takes [`http::Request`]s with
/// [`Incoming<Tokio>`](crate::Incoming) bodies and has to be `Clone`; an axum
/// `Router` is one. [`server`](crate::server) says what it can count on.
///
/// `serve!(make, linger = duration)` sets how long tasks go on that outlive
/// their response; it is [`LINGER`](crate::server::LINGER) otherwise.
///
/// Use it once in a component, at the root of a library of the crate type
/// `cdylib` or of a program. A program can then be run and serve requests as
/// well; its `main` is not called for requests.
#[macro_export]
macro_rules! serve {
    ($make:expr) => {
        $crate::serve!($make, linger = $crate::server::LINGER);
    };
    ($make:expr, linger = $linger:expr) => {
        const _: () = {
            struct Handler;

            // It is ahead of what the libraries have, as is this crate.
            #[used]
            static HEAP_ROOM: $crate::server::PageStart = $crate::server::PageStart::new();

            impl $crate::__export::exports::http::incoming_handler::Guest for Handler {
                fn handle(
                    request: $crate::__export::http::types::IncomingRequest,
                    out: $crate::__export::http::types::ResponseOutparam,
                ) {
                    $crate::server::handle(request, out, $make, $linger);
                }
            }

            $crate::__export::http::proxy::export!(Handler);
        };
    };
}
