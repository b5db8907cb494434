//! Lets requests through to a handler that have the token in the variable
//! TOKEN, and answers others itself:
//!
//! ```text
//! cargo wasip2 compose guard.wasm --plug app.wasm
//! ```
//!
//! It decides by the head. On WASI 0.2 a component can hand a request on as it
//! came, but neither change it nor see the response.

wit_bindgen::generate!({ world: "guard", path: "wit", generate_all });

use exports::wasi::http::incoming_handler::{Guest, IncomingRequest, ResponseOutparam};
use wasi::http::incoming_handler;
use wasi::http::types::{Fields, OutgoingResponse};

struct Guard;

impl Guest for Guard {
    fn handle(request: IncomingRequest, response_out: ResponseOutparam) {
        let token = std::env::var("TOKEN").unwrap_or_default();
        let expected = format!("Bearer {token}");
        let given = request.headers().get("authorization");
        if !token.is_empty() && given.iter().any(|given| given == expected.as_bytes()) {
            return incoming_handler::handle(request, response_out);
        }
        let response = OutgoingResponse::new(Fields::new());
        let _ = response.set_status_code(401);
        ResponseOutparam::set(response_out, Ok(response));
    }
}

export!(Guard);

fn main() {
    eprintln!("this component stands before a handler: `cargo wasip2 compose`");
    std::process::exit(2);
}
