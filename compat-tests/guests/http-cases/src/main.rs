//! Sends every kind of request, and prints one line for each: the case's name
//! and what came of it. Natively and in a component, the lines are the same.
//!
//! Usage: http-cases URL FAULTY-URL HTTPS-URL [FILTER]
//!
//! URL is a server with the routes that the cases ask for, HTTPS-URL one with
//! the same routes and a certificate that is trusted; FAULTY-URL is one that
//! breaks HTTP's rules. With FILTER, only cases whose names hold it run.

mod auth;
mod bodies;
mod case;
mod codings;
mod cookies;
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

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (good, faulty, secure, filter) = match words.as_slice() {
        [good, faulty, secure] => (good, faulty, secure, ""),
        [good, faulty, secure, filter] => (good, faulty, secure, filter.as_str()),
        _ => return Err("usage: http-cases URL FAULTY-URL HTTPS-URL [FILTER]".into()),
    };
    let mut cases = Cases::new(At::new(good, faulty, secure));
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
    faults::add(&mut cases);
    tls::add(&mut cases);
    cases.run(filter).await;
    Ok(())
}
