//! Has names stand for the addresses in the variable HOSTS
//! (`db.test=127.0.0.1,cache.test=::1`); others are looked up as ever.
//!
//! The interface has a resource, and whoever exports one has it be their own:
//! the host's answers are wrapped. That no other interface names that resource
//! is why this works alone.

wit_bindgen::generate!({ world: "hosts-file", path: "wit", generate_all });

use exports::wasi::sockets::ip_name_lookup::{
    ErrorCode, Guest, GuestResolveAddressStream, IpAddress, Network, Pollable, ResolveAddressStream,
};
use wasi::sockets::ip_name_lookup;

struct Hosts;

/// An answer: the host's own.
struct Answer(ip_name_lookup::ResolveAddressStream);

impl Guest for Hosts {
    type ResolveAddressStream = Answer;

    fn resolve_addresses(
        network: &Network,
        name: String,
    ) -> Result<ResolveAddressStream, ErrorCode> {
        let hosts = std::env::var("HOSTS").unwrap_or_default();
        let known = hosts
            .split(',')
            .filter_map(|entry| entry.split_once('='))
            .find(|(known, _)| known.eq_ignore_ascii_case(&name));
        // An address is its own name.
        let name = known.map_or(name.as_str(), |(_, address)| address);
        let answer = ip_name_lookup::resolve_addresses(network, name)?;
        Ok(ResolveAddressStream::new(Answer(answer)))
    }
}

impl GuestResolveAddressStream for Answer {
    fn resolve_next_address(&self) -> Result<Option<IpAddress>, ErrorCode> {
        self.0.resolve_next_address()
    }

    fn subscribe(&self) -> Pollable {
        self.0.subscribe()
    }
}

export!(Hosts);

fn main() {
    eprintln!("this component stands before another one: `cargo wasip2 compose`");
    std::process::exit(2);
}
