//! Servers over sockets: `axum::serve` and hyper's own builders, natively and
//! in a component, in the hands of clients that do what they may do.

use std::io::{BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustix::net::sockopt::set_socket_linger;

use crate::server::{Answer, Request, Server, component, native};
use crate::tool::Tool;

/// The server, made in the way `how`: natively, then in a component.
fn servers(how: &str) -> [(&'static str, Server); 2] {
    let mut natively = native("connections");
    natively.arg(how);
    [
        ("native", Server::start(natively)),
        ("component", Server::start(in_component(how))),
    ]
}

fn in_component(how: &str) -> Command {
    // As many descriptors as connections, and some.
    Tool::new("host")
        .arg("--network")
        .arg(component("connections"))
        .arg(how)
        .limited_to(4096)
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    let patience = Some(Duration::from_secs(60));
    stream.set_read_timeout(patience).unwrap();
    stream.set_write_timeout(patience).unwrap();
    stream
}

fn answer(stream: &TcpStream) -> Answer {
    Answer::read(&mut BufReader::new(stream), false)
}

/// Sends these requests at once on one HTTP/2 connection.
fn over_http2(server: &Server, requests: &[(&str, Vec<u8>)]) -> Vec<(u16, Bytes)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(server.address())
            .await
            .unwrap();
        let builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut asked = Vec::new();
        for (path, body) in requests {
            let request = http::Request::builder()
                .method(if body.is_empty() { "GET" } else { "POST" })
                .uri(format!("{}{path}", server.url()))
                .body(Full::new(Bytes::from(body.clone())))
                .unwrap();
            let mut sender = sender.clone();
            asked.push(tokio::spawn(async move {
                let response = sender.send_request(request).await.unwrap();
                let status = response.status().as_u16();
                let body = response.into_body().collect().await.unwrap();
                (status, body.to_bytes())
            }));
        }
        let mut answers = Vec::new();
        for asked in asked {
            answers.push(asked.await.unwrap());
        }
        answers
    })
}

#[test]
fn http2_is_served_to_who_knows_of_it() {
    let large: Vec<u8> = (0..2_000_000u32).map(|at| (at / 5) as u8).collect();
    let mut requests = vec![("/", Vec::new()), ("/echo", large.clone())];
    // Many streams, more than a client may open at once.
    requests.extend(vec![("/wait/100", Vec::new()); 300]);
    requests.push(("/bytes/3000000", Vec::new()));
    for how in ["axum", "http2"] {
        for (place, server) in servers(how) {
            let started = Instant::now();
            let answers = over_http2(&server, &requests);
            assert!(answers.iter().all(|(status, _)| *status == 200));
            assert_eq!(answers[0].1, "HTTP/2.0", "{how} {place}");
            assert!(answers[1].1 == large, "{how} {place}");
            for (_, body) in &answers[2..302] {
                assert_eq!(body, "waited 100 ms", "{how} {place}");
            }
            assert!(answers[302].1 == vec![7; 3_000_000], "{how} {place}");
            // One after the other would take 30 s.
            let took = started.elapsed();
            assert!(took < Duration::from_secs(20), "{how} {place}: {took:?}");
        }
    }
    // The other version on the same port, as axum offers it.
    for (place, server) in servers("axum") {
        let answer = server.ask(&Request::get("/"));
        assert_eq!(answer.text(), "HTTP/1.1", "{place}");
    }
}

#[test]
fn a_thousand_connections_are_served() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let enough = Rlimit {
        current: limit
            .maximum
            .map_or(Some(4096), |most| Some(most.min(4096))),
        ..limit
    };
    setrlimit(Resource::Nofile, enough).unwrap();

    let server = Server::start(in_component("axum"));
    let mut clients: Vec<TcpStream> = (0..1000).map(|_| connect(&server)).collect();
    for round in 0..3 {
        // All ask before any is answered.
        for client in &mut clients {
            client
                .write_all(b"GET /wait/100 HTTP/1.1\r\nhost: a\r\n\r\n")
                .unwrap();
        }
        for (index, client) in clients.iter().enumerate() {
            let answer = answer(client);
            assert_eq!(
                (answer.status, answer.text()),
                (200, "waited 100 ms".to_owned()),
                "{index} in round {round}"
            );
        }
        clients.reverse();
    }
    // One more, while a thousand are idle.
    assert_eq!(server.ask(&Request::get("/")).text(), "HTTP/1.1");
    drop(clients);
    assert_eq!(server.ask(&Request::get("/")).text(), "HTTP/1.1");
}

#[test]
fn a_graceful_shutdown_lets_requests_end() {
    for (place, mut server) in servers("axum") {
        let mut idle = connect(&server);
        idle.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            .unwrap();
        assert_eq!(answer(&idle).status, 200, "{place}");
        let mut busy = connect(&server);
        busy.write_all(b"GET /wait/700 HTTP/1.1\r\nhost: a\r\n\r\n")
            .unwrap();
        // It has arrived before the next one is answered.
        thread::sleep(Duration::from_millis(200));
        let stopped = server.ask(&Request::new("POST", "/stop"));
        assert_eq!(stopped.status, 200, "{place}");

        let answer = answer(&busy);
        assert_eq!(
            (answer.status, answer.text()),
            (200, "waited 700 ms".to_owned()),
            "{place}"
        );
        assert_eq!(idle.read(&mut [0; 10]).unwrap(), 0, "{place}");
        assert_eq!(server.wait(), Some(0), "{place}: {}", server.said());
        assert!(TcpStream::connect(server.address()).is_err(), "{place}");
    }
}

#[test]
fn who_has_said_everything_is_still_answered() {
    for (place, server) in servers("http1") {
        for request in [
            "GET /bytes/500000 HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(),
            format!(
                "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 300000\r\n\r\n{}",
                "x".repeat(300_000)
            ),
            "GET /wait/300 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".to_owned(),
        ] {
            let mut client = connect(&server);
            let mut sender = client.try_clone().unwrap();
            let text = request.clone();
            let sending = thread::spawn(move || {
                sender.write_all(text.as_bytes()).unwrap();
                sender.shutdown(Shutdown::Write).unwrap();
            });
            let answer = answer(&client);
            assert_eq!(answer.status, 200, "{place}");
            match &request[..9] {
                "GET /byte" => assert_eq!(answer.text().len(), 500_000, "{place}"),
                "POST /ech" => assert!(answer.text() == "x".repeat(300_000), "{place}"),
                _ => assert_eq!(answer.text(), "waited 300 ms", "{place}"),
            }
            sending.join().unwrap();
            assert_eq!(client.read(&mut [0; 10]).unwrap(), 0, "{place}");
        }
    }
}

#[test]
fn who_is_slow_keeps_no_one_waiting() {
    for (place, server) in servers("axum") {
        // They ask for much, and read none of it.
        let greedy: Vec<TcpStream> = (0..8)
            .map(|_| {
                let mut client = connect(&server);
                client
                    .write_all(b"GET /bytes/12000000 HTTP/1.1\r\nhost: a\r\n\r\n")
                    .unwrap();
                client
            })
            .collect();
        // They send a byte at a time.
        let slow: Vec<_> = (0..20)
            .map(|_| {
                let mut client = connect(&server);
                thread::spawn(move || {
                    let request = "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n";
                    for byte in request.bytes().chain(*b"0123456789") {
                        client.write_all(&[byte]).unwrap();
                        thread::sleep(Duration::from_millis(10));
                    }
                    answer(&client).text()
                })
            })
            .collect();
        for _ in 0..20 {
            let started = Instant::now();
            assert_eq!(server.ask(&Request::get("/")).text(), "HTTP/1.1");
            let took = started.elapsed();
            assert!(took < Duration::from_secs(5), "{place}: {took:?}");
        }
        for slow in slow {
            assert_eq!(slow.join().unwrap(), "0123456789", "{place}");
        }
        // It is all there for whoever reads it at last.
        let answer = answer(&greedy[7]);
        assert_eq!(answer.text().len(), 12_000_000, "{place}");
    }
}

#[test]
fn who_does_not_finish_a_request_is_given_up() {
    for (place, server) in servers("http1") {
        let mut client = connect(&server);
        client.write_all(b"GET / HTTP/1.1\r\nhost:").unwrap();
        let mut rest = String::new();
        let started = Instant::now();
        client.read_to_string(&mut rest).unwrap();
        assert!(started.elapsed() > Duration::from_millis(400), "{place}");
        assert!(
            rest.is_empty() || rest.starts_with("HTTP/1.1 408 "),
            "{place}: {rest}"
        );
        assert_eq!(server.ask(&Request::get("/")).text(), "HTTP/1.1");
    }
}

#[test]
fn hypers_own_builders_make_client_and_server() {
    let natively = native("connections").arg("client").output().unwrap();
    let natively = String::from_utf8(natively.stdout).unwrap();
    assert_eq!(natively.lines().count(), 8, "{natively}");
    assert!(
        natively.contains("HTTP/1.1 200 OK 300000 bytes\n"),
        "{natively}"
    );
    assert!(
        natively.contains("HTTP/2.0 200 OK 1000000 bytes\n"),
        "{natively}"
    );
    let said = Tool::new("host")
        .arg("--network")
        .arg(component("connections"))
        .arg("client")
        .run()
        .succeeded();
    assert_eq!(said, natively);
}

/// wasi-libc ends a program where nobody can say any more who has connected.
#[test]
fn connections_that_are_reset_before_they_are_accepted_end_nothing() {
    for (name, server) in servers("axum") {
        for _ in 0..400 {
            let stream = connect(&server);
            set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
        }
        let answer = server.ask(&Request::get("/wait/1"));
        assert_eq!(answer.text(), "waited 1 ms", "{name}: {}", server.said());
    }
}
