//! A greeting by a handler on the bindings: the least that any framework could
//! do.

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

const GREETING: &[u8] = b"Hello, World!";

struct Handler;

impl Guest for Handler {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let found = request.path_with_query().as_deref() == Some("/");
        drop(request);
        let headers = Fields::new();
        let length = if found { GREETING.len() } else { 0 };
        headers
            .append("content-length", length.to_string().as_bytes())
            .expect("it is allowed");
        headers
            .append("content-type", b"text/plain; charset=utf-8")
            .expect("it is allowed");
        let response = OutgoingResponse::new(headers);
        if !found {
            response.set_status_code(404).expect("there is one");
        }
        let body = response.body().expect("it is taken once");
        ResponseOutparam::set(out, Ok(response));
        if found {
            let stream = body.write().expect("it is taken once");
            if stream.blocking_write_and_flush(GREETING).is_err() {
                // The client is gone.
                return;
            }
        }
        OutgoingBody::finish(body, None).expect("it is as long as it says");
    }
}

wasip2::http::proxy::export!(Handler);

fn main() {
    eprintln!("this program answers requests as a component: `cargo wasip2 serve`");
    std::process::exit(2);
}
