//! Handshakes with the `openssl` command, as its client and as its server, that
//! succeed and that have to fail; whichever library is on this side.

use std::env;
use std::io;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

#[cfg(feature = "rustls")]
pub mod with_rustls;

pub const AUTHORITY: &[u8] = include_bytes!("../../certificates/authority.pem");
pub const CERTIFICATE: &[u8] = include_bytes!("../../certificates/localhost.pem");
pub const KEY: &[u8] = include_bytes!("../../certificates/localhost.key");
/// The authority of the clients, which servers do not have.
pub const CLIENTS: &[u8] = include_bytes!("../../certificates/clients.pem");
pub const CLIENT: &[u8] = include_bytes!("../../certificates/client.pem");
pub const CLIENT_KEY: &[u8] = include_bytes!("../../certificates/client.key");

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Tls12,
    Tls13,
}

impl Version {
    /// As the `openssl` command has it.
    fn flag(self) -> &'static str {
        match self {
            Version::Tls12 => "tls1_2",
            Version::Tls13 => "tls1_3",
        }
    }
}

/// A client.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// The one version that it speaks.
    pub version: Version,
    /// What it calls the server.
    pub name: &'static str,
    /// The authority that it trusts.
    pub authority: &'static [u8],
    /// Whether it has a certificate.
    pub certificate: bool,
}

/// What is on this side.
pub trait Library: Clone + Send + Sync + 'static {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Connects; gives back the version that was agreed upon.
    fn connect(
        &self,
        client: Client,
        stream: TcpStream,
    ) -> impl Future<Output = io::Result<(Self::Stream, Version)>> + Send;

    /// Accepts, where `verify` only a client with a certificate.
    fn accept(
        &self,
        verify: bool,
        stream: TcpStream,
    ) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// Asks the service, whose address is the first argument.
pub async fn ask(line: &str) -> io::Result<String> {
    let service = env::args().nth(1).expect("the service's address");
    let mut stream = TcpStream::connect(service).await?;
    stream.write_all(format!("{line}\n").as_bytes()).await?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).await?;
    assert!(!answer.starts_with("error"), "{line}: {answer}");
    Ok(answer.trim().to_owned())
}

/// All of them.
pub async fn all(library: impl Library) -> io::Result<()> {
    for version in [Version::Tls12, Version::Tls13] {
        as_client(&library, version).await?;
        as_server(&library, version).await?;
    }
    Ok(())
}

async fn as_client(library: &impl Library, version: Version) -> io::Result<()> {
    let right = Client {
        version,
        name: "localhost",
        authority: AUTHORITY,
        certificate: false,
    };
    let port = ask(&format!("serve {} anyone", version.flag())).await?;
    let (answer, agreed) = say_hello(library, right, &port).await?;
    checks::equal("the answer", answer.as_str(), "olleh\n");
    checks::equal("the version", agreed, version);
    let elsewhere = Client {
        name: "example.org",
        ..right
    };
    let refused = say_hello(library, elsewhere, &port).await;
    checks::that("a name that does not match", refused.is_err());
    let distrustful = Client {
        authority: CLIENTS,
        ..right
    };
    let refused = say_hello(library, distrustful, &port).await;
    checks::that("an unknown authority", refused.is_err());
    let other = match version {
        Version::Tls12 => Version::Tls13,
        Version::Tls13 => Version::Tls12,
    };
    let refused = say_hello(
        library,
        Client {
            version: other,
            ..right
        },
        &port,
    );
    checks::that("another version", refused.await.is_err());

    let port = ask(&format!("serve {} client", version.flag())).await?;
    let known = Client {
        certificate: true,
        ..right
    };
    let (answer, _) = say_hello(library, known, &port).await?;
    checks::equal("the answer to a certificate", answer.as_str(), "olleh\n");
    // In TLS 1.3 the client learns of it with the first read.
    let refused = say_hello(library, right, &port).await;
    checks::that("no certificate", refused.is_err());
    Ok(())
}

async fn say_hello(
    library: &impl Library,
    client: Client,
    port: &str,
) -> io::Result<(String, Version)> {
    let stream = TcpStream::connect(format!("127.0.0.1:{port}")).await?;
    let (mut stream, version) = library.connect(client, stream).await?;
    stream.write_all(b"hello\n").await?;
    stream.flush().await?;
    let mut answer = String::new();
    let read = BufReader::new(stream).read_line(&mut answer).await?;
    match read {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok((answer, version)),
    }
}

async fn as_server(library: &impl Library, version: Version) -> io::Result<()> {
    for (verify, who, expected) in [
        (false, "anyone", "got olleh"),
        (false, "elsewhere", "failed"),
        (false, "distrustful", "failed"),
        (true, "client", "got olleh"),
        (true, "anyone", "failed"),
        (true, "stranger", "failed"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let serving = tokio::spawn(answer_hello(library.clone(), verify, listener));
        let said = ask(&format!("connect {port} {} {who}", version.flag())).await?;
        checks::equal(&format!("{who}, {version:?}"), said.as_str(), expected);
        let served = serving.await.expect("it does not panic");
        checks::equal("the server's view", served.is_ok(), expected != "failed");
    }
    Ok(())
}

/// Sends the first line back, reversed.
async fn answer_hello(
    library: impl Library,
    verify: bool,
    listener: TcpListener,
) -> io::Result<()> {
    let (stream, _) = listener.accept().await?;
    let mut stream = BufReader::new(library.accept(verify, stream).await?);
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let reversed: String = line.trim().chars().rev().collect();
    stream.write_all(format!("{reversed}\n").as_bytes()).await?;
    stream.flush().await?;
    // The peer ends it: a line that is under way is not to be lost.
    let _ = stream.read_line(&mut line).await;
    Ok(())
}
