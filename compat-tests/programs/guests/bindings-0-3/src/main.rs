//! Uses the interface of WASI 0.3 that its first argument names, through
//! bindings alone, and prints what came of it.
//!
//! Usage: bindings-0-3 network PORT | names NAME | file NAME | env NAME |
//! get AUTHORITY PATH | copy | timer | sleep | forever

use std::time::{Duration, Instant};

use wasip3::cli::{environment, stdin, stdout};
use wasip3::clocks::monotonic_clock;
use wasip3::filesystem::preopens;
use wasip3::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};
use wasip3::http::client;
use wasip3::http::types::{Fields, Request, Response, Scheme};
use wasip3::sockets::ip_name_lookup;
use wasip3::sockets::types::{IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, TcpSocket};
use wasip3::wit_bindgen::{StreamReader, StreamResult};
use wasip3::{wit_future, wit_stream};

wasip3::cli::command::export!(Command);

struct Command;

impl wasip3::exports::cli::run::Guest for Command {
    async fn run() -> Result<(), ()> {
        let words = environment::get_arguments();
        let words: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
        run(&words).await.map_err(|error| eprintln!("{error}"))
    }
}

/// Called through WASI 0.2, whose hosts know no better.
fn main() {
    eprintln!("this is called through WASI 0.2");
}

async fn run(words: &[&str]) -> Result<(), String> {
    match words {
        ["network", port] => {
            let socket = TcpSocket::create(IpAddressFamily::Ipv4).map_err(said)?;
            let address = Ipv4SocketAddress {
                port: port.parse().map_err(said)?,
                address: (127, 0, 0, 1),
            };
            socket
                .connect(IpSocketAddress::Ipv4(address))
                .await
                .map_err(said)?;
            println!("connected");
        }
        ["names", name] => {
            let addresses = ip_name_lookup::resolve_addresses(name.to_string()).await;
            println!("addresses: {}", !addresses.map_err(said)?.is_empty());
        }
        ["file", name] => {
            let directories = preopens::get_directories();
            let (directory, _) = directories.first().ok_or("there is no directory")?;
            let name = name.to_string();
            let file = directory
                .open_at(
                    PathFlags::empty(),
                    name,
                    OpenFlags::empty(),
                    DescriptorFlags::READ,
                )
                .await
                .map_err(said)?;
            let (bytes, _) = file.read_via_stream(0);
            println!("{}", all(bytes).await.trim_end());
        }
        ["env", name] => {
            let variables = environment::get_environment();
            let found = variables.iter().find(|(other, _)| other == name);
            println!("{}", found.ok_or("it is not set")?.1);
        }
        ["get", authority, path] => {
            let (_, trailers) = wit_future::new(|| Ok(None));
            let (request, _sent) = Request::new(Fields::new(), None, trailers, None);
            request.set_scheme(Some(&Scheme::Http)).expect("a scheme");
            request
                .set_authority(Some(authority))
                .expect("an authority");
            request.set_path_with_query(Some(path)).expect("a path");
            let response = client::send(request).await.map_err(said)?;
            let (_, read) = wit_future::new(|| Ok(()));
            let (body, _trailers) = Response::consume_body(response, read);
            println!("{}", all(body).await.trim_end());
        }
        // Standard input to standard output.
        ["copy"] => {
            let (mut input, _) = stdin::read_via_stream();
            let (mut output, data) = wit_stream::new();
            let written = stdout::write_via_stream(data);
            loop {
                let (result, bytes) = input.read(Vec::with_capacity(1 << 16)).await;
                if !output.write_all(bytes).await.is_empty() {
                    break;
                }
                if !matches!(result, StreamResult::Complete(_)) {
                    break;
                }
            }
            drop(output);
            written.await.map_err(said)?;
        }
        ["timer"] => {
            let start = Instant::now();
            monotonic_clock::wait_for(50_000_000).await;
            println!("waited: {}", start.elapsed() >= Duration::from_millis(50));
        }
        // Through WASI 0.2, as all that the standard library does.
        ["sleep"] => {
            std::thread::sleep(Duration::from_millis(20));
            std::thread::sleep(Duration::from_millis(20));
            println!("slept");
        }
        // For what nobody will ever send.
        ["forever"] => {
            let (_sender, mut receiver) = wit_stream::new::<u8>();
            receiver.next().await;
        }
        _ => return Err("the first page of the source says how it is used".to_owned()),
    }
    Ok(())
}

/// All that a stream has, as text.
async fn all(mut stream: StreamReader<u8>) -> String {
    let mut bytes = Vec::new();
    loop {
        let (result, read) = stream.read(Vec::with_capacity(4096)).await;
        bytes.extend(read);
        if !matches!(result, StreamResult::Complete(_)) {
            return String::from_utf8_lossy(&bytes).into_owned();
        }
    }
}

fn said(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}
