//! A plug that cannot work, for the message: it has networks of its own, and
//! everything else that names a network has the host's.

wit_bindgen::generate!({ world: "half-network", path: "wit", generate_all });

use exports::wasi::sockets::network::{Guest, GuestNetwork};

struct Half;

struct Network;

impl Guest for Half {
    type Network = Network;
}

impl GuestNetwork for Network {}

export!(Half);

fn main() {
    eprintln!("this component stands before another one: `cargo wasip2 compose`");
    std::process::exit(2);
}
