//! `http-client` on the bindings, for GET: a loop over what is under way, which
//! is all that is waited for.

use std::time::Instant;

use measure::{Measure, number, urls};
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, OutgoingRequest, Scheme,
};
use wasip2::io::poll::{Pollable, poll};
use wasip2::io::streams::{InputStream, StreamError};

/// Where the requests go.
struct Target {
    authority: String,
    path: String,
}

/// A request and how far it is. A child stands before its parent, and so is
/// dropped before it.
struct Exchange<'a> {
    target: &'a Target,
    begun: Instant,
    pollable: Pollable,
    stage: Stage,
}

enum Stage {
    Asked(FutureIncomingResponse),
    Answered {
        stream: InputStream,
        _body: IncomingBody,
        _response: IncomingResponse,
    },
}

impl Target {
    fn of(url: &str) -> Target {
        let (authority, path) = url
            .strip_prefix("http://")
            .and_then(|rest| rest.split_once('/'))
            .expect("the URL has a path");
        Target {
            authority: authority.to_owned(),
            path: format!("/{path}"),
        }
    }
}

impl Exchange<'_> {
    fn begin(target: &Target) -> Exchange<'_> {
        let begun = Instant::now();
        let request = OutgoingRequest::new(Fields::new());
        request.set_scheme(Some(&Scheme::Http)).expect("it is one");
        request
            .set_authority(Some(&target.authority))
            .expect("it is one");
        request
            .set_path_with_query(Some(&target.path))
            .expect("it is one");
        let future = outgoing_handler::handle(request, None).expect("the host sends it");
        Exchange {
            target,
            begun,
            pollable: future.subscribe(),
            stage: Stage::Asked(future),
        }
    }

    /// Goes on as far as it can without waiting; whether that was to the end.
    fn go_on(&mut self) -> bool {
        if let Stage::Asked(future) = &self.stage {
            let Some(response) = future.get() else {
                return false;
            };
            let response = response.expect("it is taken once").expect("it is answered");
            assert_eq!(response.status(), 200);
            let body = response.consume().expect("it is taken once");
            let stream = body.stream().expect("it is taken once");
            self.pollable = stream.subscribe();
            self.stage = Stage::Answered {
                stream,
                _body: body,
                _response: response,
            };
        }
        let Stage::Answered { stream, .. } = &self.stage else {
            return false;
        };
        loop {
            match stream.read(1 << 16) {
                Ok(bytes) if bytes.is_empty() => return false,
                Ok(_) => {}
                Err(StreamError::Closed) => return true,
                Err(error) => panic!("the body ends half way: {error:?}"),
            }
        }
    }
}

fn main() {
    let targets: Vec<Target> = urls(2).iter().map(|url| Target::of(url)).collect();
    let concurrency = number(3, "how many at once") as usize;
    let mut measure = Measure::new(number(4, "how many seconds"));
    let mut exchanges: Vec<Exchange<'_>> = targets
        .iter()
        .cycle()
        .take(concurrency)
        .map(Exchange::begin)
        .collect();
    while !exchanges.is_empty() {
        let pollables: Vec<&Pollable> = exchanges.iter().map(|one| &one.pollable).collect();
        let mut ready = poll(&pollables);
        // They come in any order. From the last on, one that is removed moves
        // none that is still to come.
        ready.sort_unstable();
        for index in ready.into_iter().rev() {
            let index = index as usize;
            if !exchanges[index].go_on() {
                continue;
            }
            measure.record(exchanges[index].begun, 1);
            if measure.goes_on() {
                exchanges[index] = Exchange::begin(exchanges[index].target);
            } else {
                exchanges.swap_remove(index);
            }
        }
    }
    measure.finish();
}
