//! The handler behind a guard: `wasi:http/incoming-handler` as an import, which
//! `wasip2` has as an export alone.
#![allow(
    unsafe_code,
    missing_docs,
    missing_debug_implementations,
    reason = "bindings are made by wit-bindgen, and pass handles to what they import"
)]

wit_bindgen::generate!({
    path: "wit/guard.wit",
    world: "guard",
    with: { "wasi:http/types@0.2.0": wasip2::http::types },
    generate_all,
});

use wasip2::http::types::{IncomingRequest, ResponseOutparam};

/// Has the handler behind this component answer `request`.
pub(super) fn handle(request: IncomingRequest, out: ResponseOutparam) {
    // Where the linker takes the call, it has to take what describes it, too.
    __link_custom_section_describing_imports();
    wasi::http::incoming_handler::handle(request, out);
}
