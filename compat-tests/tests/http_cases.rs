//! Every side of reqwest, in a component beside the native program: over
//! `wasi:http`, over sockets, and over sockets with HTTP/2.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;
use wasip2_fixtures::{FaultyServer, HttpServer, HttpsServer, Proxy, cases};

use crate::differences;
use crate::tool::{self, Tool};

/// What names proxies in the environment, in capitals.
const PROXY_VARIABLES: [&str; 4] = ["ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];

/// What sends the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
enum Engine {
    #[serde(rename = "wasi:http")]
    WasiHttp,
    #[serde(rename = "sockets")]
    Sockets,
    #[serde(rename = "sockets with HTTP/2")]
    Http2,
}

impl Engine {
    /// The programs' word for it.
    fn word(self) -> &'static str {
        match self {
            Engine::WasiHttp => "default",
            Engine::Sockets => "sockets",
            Engine::Http2 => "http2",
        }
    }
}

/// A case that ends otherwise in a component.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    engine: Engine,
    case: String,
    native: String,
    component: String,
    #[allow(dead_code, reason = "it is for whoever reads the file")]
    why: String,
}

/// The known differences.
fn differences() -> BTreeMap<(Engine, String), Difference> {
    differences::read("reqwest-engines.toml", |difference: &Difference| {
        (difference.engine, difference.case.clone())
    })
}

/// Each case's outcome, by its name.
type Outcomes = BTreeMap<String, String>;

fn outcomes(said: &str) -> Outcomes {
    said.lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, outcome)| (name.to_owned(), outcome.to_owned()))
        .collect()
}

/// The servers that the cases are about.
struct Servers {
    good: HttpServer,
    faulty: FaultyServer,
    secure: HttpsServer,
    proxy: Proxy,
    guarded_proxy: Proxy,
    directory: tempfile::TempDir,
}

impl Servers {
    fn start() -> Servers {
        Servers::beside(HttpsServer::start(cases()).unwrap())
    }

    fn beside(secure: HttpsServer) -> Servers {
        let servers = Servers {
            good: HttpServer::start(cases()).unwrap(),
            faulty: FaultyServer::start().unwrap(),
            secure,
            proxy: Proxy::start().unwrap(),
            guarded_proxy: Proxy::start_guarded("user", "pass word").unwrap(),
            directory: tempfile::TempDir::new().unwrap(),
        };
        fs::write(servers.certificate(), servers.secure.certificate()).unwrap();
        servers
    }

    fn certificate(&self) -> PathBuf {
        self.directory.path().join("certificate.pem")
    }

    fn arguments(&self, engine: Engine, filter: &str) -> Vec<String> {
        vec![
            engine.word().to_owned(),
            self.good.url(),
            self.faulty.url(),
            self.secure.url(),
            self.proxy.url(),
            self.guarded_proxy.url(),
            filter.to_owned(),
        ]
    }

    /// The outcomes of `program`, natively.
    fn natively(&self, program: &str, engine: Engine, filter: &str) -> Outcomes {
        self.natively_with(program, engine, filter, &[])
    }

    /// The same with these variables.
    fn natively_with(
        &self,
        program: &str,
        engine: Engine,
        filter: &str,
        variables: &[(&str, String)],
    ) -> Outcomes {
        let mut command = Command::new(tool::native("guests", program, program));
        for name in PROXY_VARIABLES {
            command.env_remove(name).env_remove(name.to_lowercase());
        }
        let ended = command
            .args(self.arguments(engine, filter))
            .env("CERTIFICATE", self.secure.certificate())
            .envs(variables.iter().cloned())
            .output()
            .unwrap();
        assert!(ended.status.success(), "{ended:?}");
        outcomes(&String::from_utf8(ended.stdout).unwrap())
    }

    /// The outcomes of `program` in a component that has no right but what
    /// the engine needs.
    fn in_component(&self, program: &str, engine: Engine, mode: &str, filter: &str) -> Outcomes {
        self.in_component_with(program, engine, mode, filter, &[])
    }

    /// The same with these variables.
    fn in_component_with(
        &self,
        program: &str,
        engine: Engine,
        mode: &str,
        filter: &str,
        variables: &[(&str, String)],
    ) -> Outcomes {
        let mut host = Tool::new("host").args(["--mode", mode]);
        for (name, value) in variables {
            host = host.arg("--env").arg(format!("{name}={value}"));
        }
        let host = match engine {
            // No socket, no name lookup; the host is who trusts.
            Engine::WasiHttp => host.args(["--http", "--http-ca"]).arg(self.certificate()),
            Engine::Sockets | Engine::Http2 => host
                .args(["--network", "--name-lookup", "--env"])
                .arg(format!("CERTIFICATE={}", self.secure.certificate())),
        };
        let said = host
            .arg(tool::component("run", program, &[]))
            .args(self.arguments(engine, filter))
            .run()
            .succeeded();
        outcomes(&said)
    }
}

/// Asserts that all cases ran, and well, and what [`assert_alike`] does.
#[track_caller]
fn assert_all_alike(engine: Engine, natively: &Outcomes, components: &Outcomes) {
    assert!(natively.len() >= 120, "only {} cases", natively.len());
    // Two errors would be alike, too.
    for (case, outcome) in [
        ("method GET", "200 GET"),
        ("https get", "200 GET"),
        ("https 16 at once", "true"),
    ] {
        assert_eq!(components[case], outcome);
    }
    for (_, case) in differences().keys().filter(|(known, _)| *known == engine) {
        assert!(
            natively.contains_key(case),
            "{case} is listed as a difference, and there is no such case"
        );
    }
    assert_alike(engine, natively, components);
}

/// Asserts that each case ends in a component as it does natively, or as it is
/// listed to.
#[track_caller]
fn assert_alike(engine: Engine, natively: &Outcomes, components: &Outcomes) {
    let known = differences();
    let mut wrong = Vec::new();
    for (case, native) in natively {
        let component = components.get(case).map_or("not run", String::as_str);
        match known.get(&(engine, case.clone())) {
            None if native == component => {}
            None => wrong.push(format!(
                "{case}\n  native:    {native}\n  component: {component}"
            )),
            Some(known) if known.native == *native && known.component == component => {}
            Some(_) => wrong.push(format!(
                "{case} (listed as another difference)\n  native:    {native}\n  component: \
                 {component}"
            )),
        }
    }
    assert_eq!(
        natively.len(),
        components.len(),
        "a case ran on one side only"
    );
    assert!(
        wrong.is_empty(),
        "{engine:?}: {} cases differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_case_ends_over_wasi_http_as_it_does_natively() {
    let servers = Servers::start();
    let natively = servers.natively("http-cases", Engine::WasiHttp, "");
    let components = servers.in_component("http-cases", Engine::WasiHttp, "async", "");
    // Where the guest waits is not for it to see.
    assert_eq!(
        servers.in_component("http-cases", Engine::WasiHttp, "sync", ""),
        components
    );
    assert_all_alike(Engine::WasiHttp, &natively, &components);
}

#[test]
fn every_case_ends_over_sockets_as_it_does_natively() {
    let servers = Servers::start();
    let natively = servers.natively("http-cases", Engine::Sockets, "");
    let components = servers.in_component("http-cases", Engine::Sockets, "async", "");
    assert_all_alike(Engine::Sockets, &natively, &components);
}

#[test]
fn every_case_ends_over_sockets_with_http_2_as_it_does_natively() {
    let servers = Servers::start();
    let natively = servers.natively("http-cases", Engine::Http2, "");
    let components = servers.in_component("http-cases", Engine::Http2, "async", "");
    for case in ["version", "https version"] {
        assert_eq!(components[case], "HTTP/2.0");
    }
    assert_all_alike(Engine::Http2, &natively, &components);
}

/// The release line that much of the ecosystem still depends on.
#[test]
fn every_case_ends_with_reqwest_0_12_as_it_does_natively() {
    let servers = Servers::start();
    let natively = servers.natively("http-cases-0-12", Engine::Sockets, "");
    for engine in [Engine::WasiHttp, Engine::Sockets] {
        let components = servers.in_component("http-cases-0-12", engine, "async", "");
        assert_all_alike(engine, &natively, &components);
    }
}

/// Who offers both versions is spoken to in the newer one.
#[test]
fn https_agrees_on_a_version() {
    let servers = Servers::beside(HttpsServer::start_with_http2(cases()).unwrap());
    let natively = servers.natively("http-cases", Engine::Sockets, "https ");
    let components = servers.in_component("http-cases", Engine::Sockets, "async", "https ");
    assert_eq!(components["https version"], "HTTP/2.0");
    assert_alike(Engine::Sockets, &natively, &components);
}

/// What the environment says of proxies holds for sockets. Over wasi:http it is
/// the host's matter how a server is reached.
#[test]
fn a_proxy_of_the_environment_is_asked_over_sockets_alone() {
    let servers = Servers::start();
    for (variables, seen) in [
        (
            ["http_proxy", "no_proxy"],
            "GET http://localhost/host; nothing",
        ),
        (
            ["ALL_PROXY", "NO_PROXY"],
            "GET http://localhost/host; nothing",
        ),
        (["https_proxy", "no_proxy"], "nothing; nothing"),
    ] {
        let [proxy, not] = variables;
        let variables = [
            (proxy, servers.proxy.url()),
            (not, "127.0.0.0/8".to_owned()),
        ];
        for program in ["http-cases", "http-cases-0-12"] {
            let run = |engine| {
                let filter = "of the environment";
                servers.in_component_with(program, engine, "async", filter, &variables)
            };
            let natively =
                servers.natively_with(program, Engine::Sockets, "of the environment", &variables);
            let expected = |of| {
                BTreeMap::from([
                    ("proxy of the environment".to_owned(), String::from(of)),
                    (
                        "proxy not of the environment".to_owned(),
                        "nothing; nothing".to_owned(),
                    ),
                ])
            };
            assert_eq!(natively, expected(seen), "{program}, natively: {proxy}");
            assert_eq!(run(Engine::Sockets), natively, "{program}: {proxy}");
            assert_eq!(
                run(Engine::WasiHttp),
                expected("nothing; nothing"),
                "{program}: {proxy}"
            );
        }
    }
}
