//! What a case is and how its outcome is told.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use reqwest::{Client, ClientBuilder, Response};

use crate::engine::Engine;

/// After this long, a case hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// What came of a case: text that is the same wherever it runs.
pub type Outcome = Result<String, reqwest::Error>;

/// The servers' URLs: see the program's own description.
#[derive(Clone)]
pub struct Servers {
    pub good: String,
    pub faulty: String,
    pub secure: String,
    pub proxy: String,
    pub guarded_proxy: String,
}

/// Where the servers are, and what sends the requests.
#[derive(Clone)]
pub struct At {
    engine: Engine,
    servers: Servers,
    /// A client with no option set, that asks no proxy.
    pub client: Client,
}

impl At {
    pub fn new(engine: Engine, servers: Servers) -> At {
        let builder = engine.builder().no_proxy();
        At {
            client: builder.build().expect("no option is set"),
            engine,
            servers,
        }
    }

    /// For a client with options.
    pub fn builder(&self) -> ClientBuilder {
        self.engine.builder()
    }

    /// A path of the server that follows HTTP.
    pub fn good(&self, path: &str) -> String {
        format!("{}{path}", self.servers.good)
    }

    /// A path of the server that does not.
    pub fn faulty(&self, path: &str) -> String {
        format!("{}{path}", self.servers.faulty)
    }

    /// A path of the server that has a certificate.
    pub fn secure(&self, path: &str) -> String {
        format!("{}{path}", self.servers.secure)
    }

    /// The proxy for everyone.
    pub fn proxy(&self) -> &str {
        &self.servers.proxy
    }

    /// The proxy for whom it knows.
    pub fn guarded_proxy(&self) -> &str {
        &self.servers.guarded_proxy
    }

    /// The same server as [`good`](At::good), as another origin.
    pub fn other_origin(&self, path: &str) -> String {
        self.good(path).replace("localhost", "127.0.0.1")
    }
}

type Running = Pin<Box<dyn Future<Output = Outcome>>>;

/// All cases, in the order in which they run.
pub struct Cases {
    at: At,
    list: Vec<(String, Running)>,
}

impl Cases {
    pub fn new(at: At) -> Cases {
        Cases {
            at,
            list: Vec::new(),
        }
    }

    /// Adds a case.
    pub fn case<F>(&mut self, name: impl Into<String>, run: impl FnOnce(At) -> F)
    where
        F: Future<Output = Outcome> + 'static,
    {
        let running = Box::pin(run(self.at.clone()));
        self.list.push((name.into(), running));
    }

    /// Runs those whose name holds `filter`, one after the other.
    pub async fn run(self, filter: &str) {
        for (name, running) in self.list {
            if !name.contains(filter) {
                continue;
            }
            let outcome = match tokio::time::timeout(LIMIT, running).await {
                Ok(Ok(said)) => said.escape_debug().to_string(),
                Ok(Err(error)) => describe(&error),
                Err(_) => "hangs".to_owned(),
            };
            println!("{name}: {outcome}");
        }
    }
}

/// Everything that a program can ask an error for, but for its text.
pub fn describe(error: &reqwest::Error) -> String {
    let kinds = [
        ("builder", error.is_builder()),
        ("request", error.is_request()),
        ("redirect", error.is_redirect()),
        ("status", error.is_status()),
        ("body", error.is_body()),
        ("decode", error.is_decode()),
        ("upgrade", error.is_upgrade()),
        ("connect", error.is_connect()),
        #[cfg(feature = "dns-errors")]
        ("dns", error.is_dns()),
        ("timeout", error.is_timeout()),
    ];
    let mut said = "error:".to_owned();
    for (kind, is) in kinds {
        if is {
            said.push(' ');
            said.push_str(kind);
        }
    }
    if let Some(status) = error.status() {
        said.push_str(&format!(" {}", status.as_u16()));
    }
    said
}

/// The status and the text of a response.
pub async fn whole(response: Response) -> Outcome {
    let status = response.status().as_u16();
    Ok(format!("{status} {}", response.text().await?))
}

/// How long a body is, and its sum.
pub fn sum(bytes: impl IntoIterator<Item = u8>) -> String {
    let (mut length, mut sum) = (0u64, 0u64);
    for byte in bytes {
        sum = sum.wrapping_mul(31).wrapping_add(u64::from(byte));
        length += 1;
    }
    format!("{length} bytes, sum {sum}")
}

/// Byte `at` of every long body.
pub fn byte(at: usize) -> u8 {
    (at % 251) as u8
}
