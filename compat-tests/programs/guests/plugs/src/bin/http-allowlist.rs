//! Lets a component send HTTP requests to the hosts in the variable ALLOW
//! (`example.com,127.0.0.1:8000`), and to no other:
//!
//! ```text
//! cargo wasip2 compose app.wasm --plug http-allowlist.wasm
//! ```
//!
//! It passes the host's own requests and responses on, and so stands for one
//! interface alone.

wit_bindgen::generate!({ world: "http-allowlist", path: "wit", generate_all });

use exports::wasi::http::outgoing_handler::{
    ErrorCode, FutureIncomingResponse, Guest, OutgoingRequest, RequestOptions,
};
use wasi::http::outgoing_handler;

struct Allowlist;

impl Guest for Allowlist {
    fn handle(
        request: OutgoingRequest,
        options: Option<RequestOptions>,
    ) -> Result<FutureIncomingResponse, ErrorCode> {
        let allowed = std::env::var("ALLOW").unwrap_or_default();
        let authority = request.authority().unwrap_or_default();
        match allowed.split(',').any(|host| host == authority) {
            true => outgoing_handler::handle(request, options),
            false => Err(ErrorCode::HttpRequestDenied),
        }
    }
}

export!(Allowlist);

fn main() {
    eprintln!("this component stands before another one: `cargo wasip2 compose`");
    std::process::exit(2);
}
