//! `http-client` on the bindings of WASI 0.3, for GET: a future for each of so
//! many at once, in the executor that the bindings have.

use std::cell::RefCell;
use std::time::Instant;

use futures_util::future::join_all;
use measure::{Measure, number, urls};
use wasip3::http::client;
use wasip3::http::types::{Fields, Request, Response, Scheme};
use wasip3::wit_bindgen::StreamResult;
use wasip3::wit_future;

wasip3::cli::command::export!(Command);

struct Command;

impl wasip3::exports::cli::run::Guest for Command {
    async fn run() -> Result<(), ()> {
        let urls = urls(2);
        let concurrency = number(3, "how many at once") as usize;
        let measure = RefCell::new(Measure::new(number(4, "how many seconds")));
        let senders = urls.iter().cycle().take(concurrency).map(async |url| {
            let (authority, path) = url
                .strip_prefix("http://")
                .and_then(|rest| rest.split_once('/'))
                .expect("the URL has a path");
            let path = format!("/{path}");
            while measure.borrow().goes_on() {
                let begun = Instant::now();
                ask(authority, &path).await;
                measure.borrow_mut().record(begun, 1);
            }
        });
        join_all(senders).await;
        measure.into_inner().finish();
        Ok(())
    }
}

/// Called through WASI 0.2, whose hosts know no better.
fn main() {
    eprintln!("this is called through WASI 0.2");
}

async fn ask(authority: &str, path: &str) {
    let (end, trailers) = wit_future::new(|| Ok(None));
    let (request, _sent) = Request::new(Fields::new(), None, trailers, None);
    drop(end);
    request.set_scheme(Some(&Scheme::Http)).expect("it is one");
    request.set_authority(Some(authority)).expect("it is one");
    request.set_path_with_query(Some(path)).expect("it is one");
    let response = client::send(request).await.expect("it is answered");
    assert_eq!(response.get_status_code(), 200);
    let (well, read) = wit_future::new(|| Ok(()));
    let (mut body, trailers) = Response::consume_body(response, read);
    drop(well);
    let mut bytes = Vec::with_capacity(1 << 16);
    loop {
        let (result, read) = body.read(bytes).await;
        match result {
            StreamResult::Complete(_) => bytes = read,
            _ => break,
        }
        bytes.clear();
    }
    trailers.await.expect("the body ends well");
}
