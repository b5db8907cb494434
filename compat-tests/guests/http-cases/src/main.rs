//! Sends every kind of request, and prints one line for each: the case's name
//! and what came of it. Natively and in a component, the lines are the same.
//!
//! Usage: http-cases default|sockets|http2 URL FAULTY-URL HTTPS-URL [FILTER]
//!
//! The first word is what sends the requests: what a client has by default,
//! its sockets, or these with HTTP/2 from the start. URL is a server with the
//! routes that the cases ask for, HTTPS-URL one with the same routes and a
//! certificate that is trusted; FAULTY-URL is one that breaks HTTP's rules.
//! With FILTER, only cases whose names hold it run.
//!
//! The variable CERTIFICATE is a certificate to trust besides, as PEM.

mod auth;
mod bodies;
mod case;
mod codings;
mod cookies;
mod engine;
mod errors;
mod faults;
mod forms;
mod headers;
mod methods;
mod redirects;
mod responses;
mod retries;
mod streams;
mod timeouts;
mod tls;

use std::error::Error;

use case::{At, Cases};
use engine::Engine;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (engine, urls, filter) = match words.as_slice() {
        [engine, urls @ ..] if urls.len() == 3 => (engine, urls, ""),
        [engine, urls @ .., filter] if urls.len() == 3 => (engine, urls, filter.as_str()),
        _ => return Err("usage: http-cases ENGINE URL FAULTY-URL HTTPS-URL [FILTER]".into()),
    };
    let engine = Engine::find(engine)?;
    let mut cases = Cases::new(At::new(engine.clone(), &urls[0], &urls[1], &urls[2]));
    methods::add(&mut cases);
    headers::add(&mut cases);
    bodies::add(&mut cases);
    streams::add(&mut cases);
    responses::add(&mut cases);
    codings::add(&mut cases);
    redirects::add(&mut cases);
    cookies::add(&mut cases);
    auth::add(&mut cases);
    forms::add(&mut cases);
    timeouts::add(&mut cases);
    retries::add(&mut cases);
    errors::add(&mut cases);
    // That server knows nothing of HTTP/2.
    if !engine.is_http2() {
        faults::add(&mut cases);
    }
    tls::add(&mut cases);
    cases.run(filter).await;
    Ok(())
}
