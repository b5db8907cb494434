//! Sends every kind of request, and prints one line for each: the case's name
//! and what came of it. Natively and in a component, the lines are the same.
//!
//! Usage: http-cases default|sockets|http2 URL FAULTY-URL HTTPS-URL PROXY-URL
//! GUARDED-PROXY-URL [FILTER]
//!
//! The first word is what sends the requests: what a client has by default,
//! its sockets, or these with HTTP/2 from the start. URL is a server with the
//! routes that the cases ask for, HTTPS-URL one with the same routes and a
//! certificate that is trusted; FAULTY-URL is one that breaks HTTP's rules;
//! PROXY-URL is a proxy, and GUARDED-PROXY-URL one for `user` with the password
//! `pass word` alone. With FILTER, only cases whose names hold it run.
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
mod proxies;
mod redirects;
mod responses;
mod retries;
mod streams;
mod timeouts;
mod tls;
mod upgrades;

use std::error::Error;

use case::{At, Cases, Servers};
use engine::Engine;

const USAGE: &str =
    "usage: http-cases ENGINE URL FAULTY-URL HTTPS-URL PROXY-URL GUARDED-PROXY-URL [FILTER]";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let mut word = || words.next().ok_or(USAGE);
    let engine = Engine::find(&word()?)?;
    let servers = Servers {
        good: word()?,
        faulty: word()?,
        secure: word()?,
        proxy: word()?,
        guarded_proxy: word()?,
    };
    let filter = words.next().unwrap_or_default();
    let mut cases = Cases::new(At::new(engine.clone(), servers));
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
    proxies::add(&mut cases);
    upgrades::add(&mut cases);
    cases.run(&filter).await;
    Ok(())
}
