//! `bindings-handler` on the bindings of WASI 0.3: a greeting, and one after 10 ms.

use wasip3::clocks::monotonic_clock::wait_for;
use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_bindgen, wit_future, wit_stream};

const GREETING: &[u8] = b"Hello, World!";

struct Handler;

impl Guest for Handler {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query();
        drop(request);
        let greeting = match path.as_deref() {
            Some("/") => GREETING,
            Some("/wait") => {
                wait_for(10_000_000).await;
                GREETING
            }
            _ => &[],
        };
        let headers = [
            ("content-length", greeting.len().to_string().into_bytes()),
            ("content-type", b"text/plain; charset=utf-8".to_vec()),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value));
        let headers = Fields::from_list(&headers).expect("they are allowed");
        let (mut body, contents) = wit_stream::new();
        let (end, trailers) = wit_future::new(|| Ok(None));
        let (response, _sent) = Response::new(headers, Some(contents), trailers);
        if greeting.is_empty() {
            response.set_status_code(404).expect("there is one");
        }
        wit_bindgen::spawn_local(async move {
            // What is left is what a client that is gone did not take.
            let _left = body.write_all(greeting.to_vec()).await;
            drop(body);
            drop(end);
        });
        Ok(response)
    }
}

wasip3::http::service::export!(Handler);

fn main() {
    eprintln!("this program answers requests as a component: `cargo wasip2 serve`");
    std::process::exit(2);
}
