//! `wasi:http/handler` of WASI 0.3, as the linker knows it.
//!
//! The bindings' own export has an executor of its own for each request. This one
//! has them share one, see [`wasi_waitable::export`].
// An export is called by the host with what it has made.
#![allow(unsafe_code)]

use std::error::Error as StdError;
use std::mem::MaybeUninit;
use std::ptr;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;
use wasi_waitable::export;
use wasip3::http::types;
use wasip3::wit_bindgen::rt::run_ctors_once;

use super::export::{self as served, Instance};
use crate::tokio::Tokio;
use crate::Incoming;

/// What tells the linker the type of the export, for the component that has it:
/// `wit/handler.wit`, as `wit-component` 0.245 encodes it
/// (`wit_component::metadata::encode`) with the packages of WASI 0.3.2.
#[doc(hidden)]
pub const COMPONENT_TYPE: &[u8] = include_bytes!("handler.bin");

#[link(wasm_import_module = "[export]wasi:http/handler@0.3.2")]
extern "C" {
    #[link_name = "[task-return]handle"]
    fn task_return(
        is_err: i32,
        response: i32,
        _: i32,
        _: MaybeUninit<u64>,
        _: *const u8,
        _: *const u8,
        _: usize,
        _: i32,
    );
}

/// `handle(request, make, limit) -> u32`—What the export does.
///
/// # Safety
///
/// `request` is a handle that the host has given to the export, and to nobody
/// else.
///
/// # Panics
///
/// If the runtime cannot be made, or if the instance has a service of another
/// type: it can have one only.
#[doc(hidden)]
pub unsafe fn handle<S, B>(request: u32, make: impl FnOnce() -> S, limit: Duration) -> u32
where
    S: Service<Request<Incoming<Tokio>>, Response = Response<B>> + Clone + 'static,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    run_ctors_once();
    // SAFETY: as the caller says.
    let request = unsafe { types::Request::from_handle(request) };
    export::start(
        || served::make(make, limit),
        |call| {
            Instance::<S>::get().begin(request, move |response| {
                call.finish(move || respond(response()))
            })
        },
    )
}

/// `proceed(event, waitable, code) -> u32`—What the export's callback does.
#[doc(hidden)]
pub fn proceed(event: u32, waitable: u32, code: u32) -> u32 {
    export::proceed(event, waitable, code)
}

/// Returns `response` from the export, once for each of its tasks.
fn respond(response: types::Response) {
    let (none, response) = (ptr::null(), response.take_handle() as i32);
    // SAFETY: this is `ok(response)`, lowered, of which the rest is not looked
    // at.
    unsafe { task_return(0, response, 0, MaybeUninit::uninit(), none, none, 0, 0) }
}

/// `serve!(make)`—Exports `wasi:http/handler`, served by the service that
/// `make()` gives.
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
            #[used]
            #[unsafe(link_section = "component-type:wasi-hyper-handler-0.1")]
            static COMPONENT_TYPE: [u8; $crate::server::COMPONENT_TYPE.len()] =
                *$crate::server::COMPONENT_TYPE.first_chunk().unwrap();

            #[unsafe(export_name = "[async-lift]wasi:http/handler@0.3.2#handle")]
            extern "C" fn handle(request: u32) -> u32 {
                // SAFETY: it is what the host gives.
                unsafe { $crate::server::handle(request, $make, $linger) }
            }

            #[unsafe(export_name = "[callback][async-lift]wasi:http/handler@0.3.2#handle")]
            extern "C" fn proceed(event: u32, waitable: u32, code: u32) -> u32 {
                $crate::server::proceed(event, waitable, code)
            }
        };
    };
}
