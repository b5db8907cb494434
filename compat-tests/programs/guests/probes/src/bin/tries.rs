//! Reads from a socket without ever waiting: it tries until something came.
//!
//! Usage: tries ADDRESS

use std::io::{ErrorKind, Read};
use std::net::TcpStream;

fn main() {
    let address = std::env::args().nth(1).expect("an address");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nonblocking(true).unwrap();
    let mut buffer = [0; 16];
    loop {
        match stream.read(&mut buffer) {
            Ok(read) => {
                println!("{}", String::from_utf8_lossy(&buffer[..read]));
                return;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::hint::spin_loop(),
            Err(error) => panic!("{error}"),
        }
    }
}
