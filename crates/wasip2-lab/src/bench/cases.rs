//! What is compared and on what, as `cases.toml` says it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use wasip2_ground::Wasi;
use wasip2_host::Kind;

/// The whole of `cases.toml`.
pub static DATA: LazyLock<Data> = LazyLock::new(|| {
    toml::from_str(include_str!("cases.toml")).expect("the tests read this very text")
});

/// `cases.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// The variant of wasi-libc that every component links.
    pub libc: String,
    #[serde(rename = "variant")]
    pub variants: Vec<Variant>,
    #[serde(rename = "case")]
    pub cases: Vec<Case>,
}

/// A way to do the cases' work.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    pub name: String,
    /// The name with a word on what it is.
    pub label: String,
    /// What its programs are built from.
    pub crates: Crates,
    /// The version of WASI that its programs are built for.
    #[serde(default)]
    pub wasi: Wasi,
    /// Flags for rustc, without which it does not build.
    #[serde(default)]
    pub rustflags: Vec<String>,
    /// Whether its host can stop it while it computes, where that is not as usual:
    /// servers can, and programs with a time limit.
    #[serde(default)]
    pub interruptible: Option<bool>,
    /// Whether its instances answer as many requests as come, one after the
    /// other, whatever the case says. Those of WASI 0.3 have as many as their host
    /// gives them by itself.
    #[serde(default)]
    pub reused: bool,
    /// Whether it does only what has a program of its own for it.
    #[serde(default)]
    pub peer: bool,
    /// The host that runs its components.
    #[serde(default)]
    pub host: Kind,
    /// Where the components are that stand behind another one.
    #[serde(default)]
    pub behind: Place,
}

/// Where a component is to which another one sends requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// Nobody sends to it.
    #[default]
    Nowhere,
    /// In the same host, by `--route`.
    Inside,
    /// In a process of its own, over loopback.
    Outside,
}

/// What programs are built from, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Crates {
    /// The released crates, for this machine.
    Native,
    /// The patched crates, for the target.
    Patched,
    /// The released crates, for the target.
    Released,
}

/// Something to compare.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    /// What it is chosen by together with others.
    #[serde(default)]
    pub group: String,
    pub title: String,
    /// What one operation is called.
    pub operation: String,
    /// What the values are called.
    pub axis: String,
    /// Where it is measured.
    pub values: Vec<u32>,
    /// What runs, in every variant that is not a peer.
    program: String,
    /// The program's arguments.
    #[serde(default)]
    arguments: Vec<String>,
    /// What runs instead, by variant. `servers/NAME` is one of the example
    /// servers, `NAME+preinit` is pre-initialised, `NAME>OTHER` is composed with
    /// what it sends requests to.
    #[serde(default)]
    peers: BTreeMap<String, String>,
    /// The profile that the programs are built in.
    #[serde(default = "release")]
    pub profile: String,
    /// Variants that could not do it with the program.
    #[serde(default)]
    without: Vec<String>,
    /// What the program is composed with, as often as the value says: a plug
    /// (`guests/NAME`), or a guard that stands in front of it (`servers/NAME`).
    layer: Option<String>,
    /// What it sends requests to, and that to the next, by the names of their
    /// hosts; for variants that have a place for it.
    #[serde(default)]
    pub behind: Vec<Behind>,
    /// The environment of the components.
    #[serde(default)]
    environment: Vec<String>,
    pub load: Load,
    /// What a ratio to native is of.
    #[serde(default)]
    pub compare: Compare,
}

/// A component that another one sends requests to, to the URL in its variable
/// UPSTREAM.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behind {
    pub host: String,
    pub program: String,
}

/// What a ratio to native is of; more is better in both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Compare {
    /// Operations a second.
    #[default]
    Rate,
    /// How much shorter the median latency is: where the clients pause, the
    /// rate is theirs.
    Latency,
}

/// What is at the program's other end.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Load {
    /// So many clients as the value says, each with a connection that it keeps,
    /// which get `path` and expect a body of `bytes`.
    Http { path: String, bytes: usize },
    /// The same for a component whose host serves HTTP by it: each of its
    /// instances for one request, or, with `reuse`, for as many as come. With
    /// `post` they send a body of as many bytes. `headers` are more of them.
    Handler {
        path: String,
        bytes: usize,
        reuse: bool,
        #[serde(default)]
        post: bool,
        #[serde(default)]
        headers: Vec<String>,
    },
    /// `active` connections that are used, and idle ones, as the value says.
    /// With a `pause` before each message the program has to wait for it.
    TcpEcho { active: usize, pause: bool },
    /// So many connections as the value says share `rate` messages a second, each
    /// on one drawn at random, which is sent whether or not earlier ones are
    /// answered; `beside` more exchange messages without a pause.
    Spread { rate: u32, beside: usize },
    /// So many clients as the value says.
    UdpEcho {},
    /// An HTTP server, for a program that measures itself.
    Server { path: String },
    /// Nothing: the program measures itself.
    None {},
    /// The program is started again and again. `path` is what it may get of an
    /// HTTP server.
    Start {
        #[serde(default)]
        path: String,
    },
}

fn release() -> String {
    "release".to_owned()
}

/// A case at one value.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    pub case: &'static Case,
    pub value: u32,
}

impl Case {
    /// Whether its values are numbers of layers around the program.
    pub fn is_layered(&self) -> bool {
        self.layer.is_some()
    }

    /// The program that `variant` runs, if it can do this.
    fn program(&self, variant: &Variant) -> Option<&str> {
        match self.peers.get(&variant.name) {
            Some(peer) => Some(peer),
            None if variant.peer || self.without.contains(&variant.name) => None,
            None => Some(&self.program),
        }
    }
}

impl Point {
    /// The program that `variant` runs, if it can do this, with the layers around
    /// it: `servers/hello+servers/guard*4`.
    pub fn program(&self, variant: &Variant) -> Option<String> {
        let program = self.case.program(variant)?;
        Some(match (&self.case.layer, self.value) {
            (None, _) | (_, 0) => program.to_owned(),
            (Some(layer), number) => format!("{program}+{layer}*{number}"),
        })
    }

    /// Every program that `variant` runs for this.
    pub fn programs(&self, variant: &Variant) -> Vec<String> {
        let behind = match variant.behind {
            Place::Nowhere => &[][..],
            Place::Inside | Place::Outside => &self.case.behind,
        };
        let behind = behind.iter().map(|behind| behind.program.clone());
        let own = self.program(variant);
        own.into_iter()
            .flat_map(|own| [own].into_iter().chain(behind.clone()))
            .collect()
    }

    /// The environment of its components.
    pub fn environment(&self, authorities: &[String]) -> Vec<String> {
        let variables = self.case.environment.iter();
        variables
            .map(|variable| variable.replace("{authorities}", &authorities.join(",")))
            .collect()
    }

    /// By what it is chosen: `axum-hello/32`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.case.name, self.value)
    }

    fn is_named(&self, name: &str) -> bool {
        let case = self.case;
        name == case.name || name == self.name() || (name == case.group && !name.is_empty())
    }

    /// The program's arguments.
    pub fn arguments(&self, urls: &[String], seconds: f64) -> Vec<String> {
        self.case
            .arguments
            .iter()
            .map(|word| match word.as_str() {
                "{value}" => self.value.to_string(),
                "{url}" => urls.first().cloned().unwrap_or_default(),
                "{urls}" => urls.join(","),
                "{seconds}" => seconds.to_string(),
                word => word.to_owned(),
            })
            .collect()
    }
}

/// The points that `names` names (`axum-hello`, `axum-hello/32`, the cases
/// `spread`), or all.
pub fn points(names: &[String]) -> Result<Vec<Point>> {
    let all: Vec<Point> = DATA
        .cases
        .iter()
        .flat_map(|case| case.values.iter().map(move |&value| Point { case, value }))
        .collect();
    for name in names {
        if all.iter().any(|point| point.is_named(name)) {
            continue;
        }
        let (case, value) = name.split_once('/').unwrap_or((name, ""));
        if let Some(case) = DATA.cases.iter().find(|known| known.name == case) {
            let values: Vec<String> = case.values.iter().map(u32::to_string).collect();
            bail!(
                "`{}` is not measured at `{value}`; its values are {}",
                case.name,
                values.join(", ")
            );
        }
        let known: Vec<&str> = DATA.cases.iter().map(|case| case.name.as_str()).collect();
        bail!("there is no case `{name}`; there are {}", known.join(", "));
    }
    Ok(all
        .into_iter()
        .filter(|point| names.is_empty() || names.iter().any(|name| point.is_named(name)))
        .collect())
}

/// The variants that `names` names, or all.
pub fn variants(names: &[String]) -> Result<Vec<&'static Variant>> {
    for name in names {
        if !DATA.variants.iter().any(|variant| variant.name == *name) {
            let known: Vec<&str> = DATA
                .variants
                .iter()
                .map(|variant| variant.name.as_str())
                .collect();
            bail!(
                "there is no variant `{name}`; there are {}",
                known.join(", ")
            );
        }
    }
    Ok(DATA
        .variants
        .iter()
        .filter(|variant| names.is_empty() || names.contains(&variant.name))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_has_something_to_compare_with_and_names_peers_that_exist() {
        for case in &DATA.cases {
            assert!(!case.values.is_empty(), "{}", case.name);
            // Layers are compared with fewer, and a chain with another place.
            let native = case.program(&DATA.variants[0]).is_some();
            assert!(
                native || case.is_layered() || !case.behind.is_empty(),
                "{} has nothing to compare with",
                case.name
            );
            for peer in case.peers.keys().chain(&case.without) {
                assert!(variants(std::slice::from_ref(peer)).is_ok(), "{peer}");
            }
        }
        assert_eq!(DATA.variants[0].crates, Crates::Native);
    }

    /// A program is built once.
    #[test]
    fn a_program_has_one_profile() {
        let mut profiles = BTreeMap::new();
        for case in &DATA.cases {
            for program in DATA.variants.iter().filter_map(|one| case.program(one)) {
                let profile = profiles.entry(program).or_insert(&case.profile);
                assert_eq!(*profile, &case.profile, "{program}");
            }
        }
    }

    #[test]
    fn points_are_chosen_by_case_and_by_value() {
        let chosen = points(&["spawn".into(), "tcp-echo/1000".into()]).unwrap();
        let names: Vec<String> = chosen.iter().map(Point::name).collect();
        assert_eq!(names, ["tcp-echo/1000", "spawn/1", "spawn/100"]);
        // Four cases with two values each.
        assert_eq!(points(&["spread".into()]).unwrap().len(), 8);
        let layered = points(&["nesting-poll-100/4".into()]).unwrap();
        assert_eq!(
            layered[0].program(&DATA.variants[1]).unwrap(),
            "bindings-poll+guests/scaled-clock*4"
        );
    }

    #[test]
    fn what_is_not_known_is_an_error_that_names_what_is() {
        let error = points(&["axum".into()]).unwrap_err().to_string();
        assert!(error.starts_with("there is no case `axum`; there are axum-hello, "));
        let error = points(&["spawn/2".into()]).unwrap_err().to_string();
        assert_eq!(
            error,
            "`spawn` is not measured at `2`; its values are 1, 100"
        );
        let error = variants(&["smol".into()]).unwrap_err().to_string();
        assert!(error.contains("there are native, patched, poll-all, sockets, poll-host, "));
    }
}
